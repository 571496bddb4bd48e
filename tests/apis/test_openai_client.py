"""The official `openai` package against the real server and model."""

from __future__ import annotations

import asyncio

import httpx
import openai
import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, Field

from tests.apis.conftest import MODEL
from tests.apis.sdk_types import body_of, events_of, strictly
from tests.appliance_process import Appliance

USER = [{"role": "user", "content": "Say hello."}]


def test_answers_fit_the_packages_types_strictly(sdk: openai.OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(
        model=MODEL, messages=USER, max_tokens=8, temperature=0
    )

    answer = strictly(ChatCompletion, body_of(raw))

    assert answer.choices[0].message.content
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert Model.model_validate(sdk.models.retrieve(MODEL).model_dump()).id == MODEL


def test_streams_fit_too_and_say_the_same(sdk: openai.OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(
        model=MODEL, messages=USER, max_tokens=8, temperature=0, stream=True
    )
    chunks = [strictly(ChatCompletionChunk, data) for data in events_of(body_of(raw))]

    whole = sdk.chat.completions.create(model=MODEL, messages=USER, max_tokens=8, temperature=0)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content


@pytest.mark.parametrize(
    "limit", [{"max_tokens": 5}, {"max_completion_tokens": 5, "max_tokens": 9}]
)
def test_the_newer_limit_wins(sdk: openai.OpenAI, limit: dict[str, int]) -> None:
    answer = sdk.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Tell a long story."}], **limit
    )

    assert answer.usage
    assert answer.usage.completion_tokens == 5
    assert answer.choices[0].finish_reason == "length"


def test_developer_is_system_and_parts_are_joined(sdk: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "My name is "}, {"type": "text", "text": "Bo."}]

    def ask(*messages: object) -> str | None:
        return (
            sdk.chat.completions.create(
                model=MODEL,
                messages=list(messages),  # type: ignore[arg-type]
                max_tokens=10,
                temperature=0,
            )
            .choices[0]
            .message.content
        )

    plain = {"role": "user", "content": "My name is Bo."}
    expected = ask({"role": "system", "content": "Be brief."}, plain)
    assert expected == ask({"role": "developer", "content": "Be brief."}, plain)
    assert expected == ask(
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": parts},
    )


def test_a_history_with_tool_results_is_taken_when_no_call_is_wanted(sdk: openai.OpenAI) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    answer = sdk.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "user", "content": "Call f."},
            {"role": "assistant", "content": None, "tool_calls": [call]},  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "22"}]},
        ],
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        tool_choice="none",
        max_tokens=8,
    )

    assert answer.choices[0].message.content


class Answer(BaseModel):
    yes: bool
    number: int = Field(ge=0, le=99)


def test_an_answer_that_ends_by_itself_fits_the_schema(sdk: openai.OpenAI) -> None:
    """The grammar allows any white space between tokens, which a small model may fill its answer
    with up to the limit; then it is cut, and says so."""
    choices = sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Is 7 prime? Answer as JSON."}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": Answer.model_json_schema()},
        },
        n=6,
        seed=1,
        max_tokens=100,
        temperature=1.0,
    ).choices

    ended = [choice for choice in choices if choice.finish_reason == "stop"]
    assert ended
    assert all(Answer.model_validate_json(choice.message.content or "") for choice in ended)


def test_two_choices_from_one_seed_differ(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(
        model=MODEL, messages=USER, n=2, seed=3, max_tokens=16, temperature=1.5
    )

    first, second = answer.choices
    assert (first.index, second.index) == (0, 1)
    assert first.message.content != second.message.content


def test_several_answers_share_one_stream(sdk: openai.OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(
        model=MODEL,
        messages=USER,
        n=3,
        seed=3,
        max_tokens=6,
        temperature=1.5,
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = [strictly(ChatCompletionChunk, data) for data in events_of(body_of(raw))]

    texts = dict.fromkeys(range(3), "")
    reasons: dict[int, list[str]] = {index: [] for index in range(3)}
    for chunk in chunks:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        reasons[choice.index] += [choice.finish_reason] if choice.finish_reason else []
    assert len(set(texts.values())) > 1
    assert set(map(len, reasons.values())) == {1}
    assert len({chunk.id for chunk in [*chunks, last]}) == 1
    assert last.choices == []
    assert last.usage
    assert 3 <= last.usage.completion_tokens <= 18


def test_log_probabilities_spell_the_answer_streamed_or_not(sdk: openai.OpenAI) -> None:
    def ask(**more: object) -> str:
        raw = sdk.chat.completions.with_raw_response.create(
            model=MODEL,
            messages=USER,
            max_tokens=6,
            temperature=0,
            logprobs=True,
            top_logprobs=2,
            **more,  # type: ignore[call-overload]
        )
        return body_of(raw)

    (choice,) = strictly(ChatCompletion, ask()).choices
    chunks = [strictly(ChatCompletionChunk, data) for data in events_of(ask(stream=True))]

    assert choice.logprobs
    tokens = choice.logprobs.content or []
    assert "".join(token.token for token in tokens) == choice.message.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 1 for token in tokens)
    streamed = [
        token.token
        for chunk in chunks
        if (logprobs := chunk.choices[0].logprobs)
        for token in logprobs.content or ()
    ]
    assert streamed == [token.token for token in tokens]


def test_top_k_left_out_is_forty(sdk: openai.OpenAI) -> None:
    def told(**extension: int) -> str | None:
        answer = sdk.chat.completions.create(
            model=MODEL,
            messages=USER,
            max_tokens=24,
            seed=3,
            temperature=1,
            top_p=1,
            extra_body=extension,
        )
        return answer.choices[0].message.content

    assert told() == told(top_k=40) != told(top_k=-1)


def test_an_answer_goes_on_with_a_message_that_was_begun(sdk: openai.OpenAI) -> None:
    begun = [*USER, {"role": "assistant", "content": "One, two, three,"}]

    answer = sdk.chat.completions.create(
        model=MODEL,
        messages=begun,  # type: ignore[arg-type]
        max_tokens=4,
        temperature=0,
        extra_body={"add_generation_prompt": False, "continue_final_message": True},
    )

    assert (answer.choices[0].message.content or "").startswith(" four")


def test_errors_are_the_packages_own(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="llama9") as missing:
        sdk.chat.completions.create(model="llama9", messages=USER)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model=MODEL, messages=USER, temperature=-1)
    assert refused.value.param == "temperature"
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("llama9")
    with pytest.raises(openai.NotFoundError):
        sdk.post("/no/such/path", cast_to=httpx.Response, body={})


async def test_eight_streams_at_once(api: Appliance) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{api.url}/v1",
        api_key="dummy",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    ) as sdk:

        async def one(number: int) -> int:
            stream = await sdk.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": f"Tell me about {number}."}],
                max_tokens=12,
                stream=True,
                stream_options={"include_usage": True},
            )
            usage = None
            async for chunk in stream:
                usage = chunk.usage or usage
            assert usage
            return usage.completion_tokens

        counts = await asyncio.gather(*(one(number) for number in range(8)))

    assert all(0 < count <= 12 for count in counts)
