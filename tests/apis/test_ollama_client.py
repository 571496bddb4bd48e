"""The official `ollama` package against the real server and model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import ollama
import pytest
from pydantic import BaseModel, Field

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance

USER = [{"role": "user", "content": "Say hello."}]
GREEDY = {"num_predict": 12, "temperature": 0}


@pytest.fixture
def sdk(api: Appliance) -> ollama.Client:
    return ollama.Client(host=api.url, timeout=120, trust_env=False)


def test_chat(sdk: ollama.Client) -> None:
    answer = sdk.chat(MODEL, USER, options=GREEDY)

    assert answer.message.role == "assistant"
    assert answer.message.content
    assert answer.eval_count
    assert answer.eval_count <= 12
    assert answer.total_duration
    assert answer.eval_duration
    assert answer.total_duration >= answer.eval_duration > 0


def test_chat_streamed(sdk: ollama.Client) -> None:
    parts = list(sdk.chat(MODEL, USER, stream=True, options=GREEDY))

    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert "".join(part.message.content or "" for part in parts) == (
        sdk.chat(MODEL, USER, options=GREEDY).message.content
    )


def test_generate_with_a_system_prompt_and_context(sdk: ollama.Client) -> None:
    first = sdk.generate(MODEL, "My name is Bo.", system="You are brief.", options=GREEDY)
    second = sdk.generate(MODEL, "What is it?", context=first.context, options=GREEDY)

    assert first.response
    assert second.prompt_eval_count
    assert second.prompt_eval_count > len(first.context or ())


def test_the_same_seed_gives_the_same_text_and_another_another(sdk: ollama.Client) -> None:
    def story(seed: int) -> str:
        options = {"num_predict": 20, "temperature": 1.0, "seed": seed}
        return sdk.generate(MODEL, "Tell me a story.", options=options).response

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_a_stop_string_is_exact_to_the_character(sdk: ollama.Client) -> None:
    options = {"num_predict": 24, "temperature": 0}
    full = sdk.generate(MODEL, "1, 2, 3, 4, 5,", raw=True, options=options).response
    stop = full[len(full) // 2 : len(full) // 2 + 3]

    answer = sdk.generate(MODEL, "1, 2, 3, 4, 5,", raw=True, options={**options, "stop": [stop]})

    assert answer.response == full[: full.index(stop)]
    assert answer.done_reason == "stop"


class Person(BaseModel):
    name: str = Field(max_length=10)
    age: int = Field(ge=0, le=150)


@pytest.mark.parametrize("form", ["json", Person.model_json_schema()], ids=["json", "schema"])
def test_an_answer_that_ends_by_itself_has_the_wanted_form(sdk: ollama.Client, form: Any) -> None:
    """See the same test of OpenAI's client for those that do not end."""
    answers = [
        sdk.chat(
            MODEL,
            [{"role": "user", "content": "Describe Bo as JSON with name and age."}],
            format=form,
            options={"num_predict": 150, "temperature": 0.7, "seed": seed},
        )
        for seed in range(3)
    ]

    ended = [json.loads(a.message.content or "") for a in answers if a.done_reason == "stop"]
    assert all(isinstance(one, dict) for one in ended)
    if form != "json":
        assert ended
        assert all(Person.model_validate(one) for one in ended)


def test_a_history_with_tool_results_is_taken(sdk: ollama.Client) -> None:
    call = {"function": {"name": "get_weather", "arguments": {"location": "Paris"}}}
    messages = [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_name": "get_weather", "content": "22 degrees"},
    ]

    assert sdk.chat(MODEL, messages, options=GREEDY).done


WEATHER = {
    "type": "object",
    "properties": {
        "location": {"type": "string", "maxLength": 20},
        "unit": {"enum": ["celsius", "fahrenheit"]},
    },
    "required": ["location", "unit"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]


@pytest.mark.parametrize("stream", [True, False])
def test_a_call_that_must_be_made_comes_by_itself(api: Appliance, stream: bool) -> None:
    """`tool_choice` is not in the package; what comes back is."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "The weather in Paris?"}],
        "tools": TOOLS,
        "tool_choice": "required",
        "stream": stream,
        "options": {"num_predict": 80},
    }
    with api.client() as client:
        text = client.post("/api/chat", json=body).text

    parts = [ollama.ChatResponse.model_validate_json(line) for line in text.splitlines()]
    (call,) = [call for part in parts for call in part.message.tool_calls or ()]
    assert call.function.name == "get_weather"
    assert set(call.function.arguments) == {"location", "unit"}
    assert not any(part.message.content for part in parts)
    assert parts[-1].done_reason == "stop"


def test_tools_that_are_offered_are_taken(sdk: ollama.Client) -> None:
    answer = sdk.chat(MODEL, USER, tools=TOOLS, options=GREEDY)

    assert answer.done
    assert "<tool_call>" not in (answer.message.content or "")


def test_every_token_has_its_probability(sdk: ollama.Client) -> None:
    asked = {"messages": USER, "logprobs": True, "top_logprobs": 3, "options": GREEDY}

    whole = sdk.chat(MODEL, **asked)
    streamed = [
        one for part in sdk.chat(MODEL, stream=True, **asked) for one in part.logprobs or ()
    ]

    assert len(whole.logprobs or ()) == whole.eval_count
    assert [one.token for one in streamed] == [one.token for one in whole.logprobs or ()]
    assert "".join(one.token for one in streamed).startswith(whole.message.content or "")
    for one in streamed:
        assert one.logprob <= 0
        assert [top.token for top in one.top_logprobs or ()] == [one.token]


def test_an_answer_that_was_begun_is_gone_on_with(sdk: ollama.Client) -> None:
    begun = [*USER, {"role": "assistant", "content": "Hello! My name is"}]

    answer = sdk.chat(MODEL, begun, options=GREEDY)

    assert answer.message.content
    assert not answer.message.content.startswith("Hello")


def test_errors_carry_status_and_text(sdk: ollama.Client) -> None:
    for ask in (
        lambda: sdk.chat("llama9", USER),
        lambda: list(sdk.chat("llama9", USER, stream=True)),
        lambda: sdk.show("llama9"),
        lambda: sdk.embed("llama9", "x"),
    ):
        with pytest.raises(ollama.ResponseError, match="llama9") as raised:
            ask()
        assert raised.value.status_code == 404

    with pytest.raises(ollama.ResponseError, match="file does not exist"):
        list(sdk.pull("llama9", stream=True))


def test_lists(sdk: ollama.Client) -> None:
    sdk.generate(MODEL)

    assert [model.model for model in sdk.list().models] == [MODEL]
    assert [model.model for model in sdk.ps().models] == [MODEL]
    assert "completion" in (sdk.show(MODEL).capabilities or ())


async def test_eight_streams_at_once(api: Appliance) -> None:
    sdk = ollama.AsyncClient(host=api.url, timeout=120, trust_env=False)

    async def one(number: int) -> ollama.ChatResponse:
        messages = [{"role": "user", "content": f"Tell me about {number}."}]
        stream = await sdk.chat(MODEL, messages, stream=True, options=GREEDY)
        return [part async for part in stream][-1]

    assert all(last.done for last in await asyncio.gather(*(one(n) for n in range(8))))
