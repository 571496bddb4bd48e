"""/v1/responses by OpenAI's package and by Codex, against the real server and model."""

from __future__ import annotations

import json
from typing import Any, Literal

import httpx
import openai
import pytest
import zstandard
from pydantic import BaseModel

from tests.apis.conftest import MODEL
from tests.apis.responses_wire import events_of, kinds_of, response_of
from tests.appliance_process import Appliance

HELLO = {"model": MODEL, "input": "Say hello.", "temperature": 0, "max_output_tokens": 8}
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a place",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {
            "place": {"type": "string", "maxLength": 20},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["place", "unit"],
        "additionalProperties": False,
    },
}


@pytest.fixture
def sdk(api: Appliance) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{api.url}/v1",
        api_key="dummy",
        timeout=120,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def test_a_response_fits_the_packages_types_strictly(sdk: openai.OpenAI) -> None:
    raw = sdk.responses.with_raw_response.create(
        **{**HELLO, "metadata": {"a": "b"}, "instructions": "Be brief."}
    )

    response = response_of(json.loads(raw.text))

    assert response.output_text
    assert (response.status, response.metadata) == ("incomplete", {"a": "b"})
    assert response.usage
    assert response.usage.output_tokens == 8
    assert raw.headers["X-NPU-Proxy-Device"] == "CPU"


def test_a_stream_ends_in_what_is_not_streamed(sdk: openai.OpenAI, client: httpx.Client) -> None:
    whole = sdk.responses.create(**HELLO)
    with sdk.responses.stream(**HELLO) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
    answer = client.post("/v1/responses", json={**HELLO, "stream": True})

    events = events_of(answer.text)
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert kinds_of(events).count("response.output_text.delta") > 2
    assert kinds_of(events)[-1] == "response.incomplete"
    last = events[-1]["response"]
    assert text == whole.output_text == last["output"][0]["content"][0]["text"]
    assert {name for name in last if last[name] != getattr(whole, name, None)} <= {
        "id",
        "output",
        "created_at",
        "incomplete_details",
        "reasoning",
        "text",
        "usage",
    }


def test_an_answer_that_ends_by_itself_is_completed(client: httpx.Client) -> None:
    body = {**HELLO, "input": "What is 2+2?", "max_output_tokens": 60}

    response = response_of(client.post("/v1/responses", json=body).json())

    assert (response.status, response.incomplete_details) == ("completed", None)
    assert response.completed_at
    assert response.completed_at >= response.created_at


def test_a_forced_call_and_its_result_make_a_second_turn(
    sdk: openai.OpenAI, client: httpx.Client
) -> None:
    first: dict[str, Any] = {
        "model": MODEL,
        "input": [{"role": "user", "content": "What is the weather in Paris?"}],
        "tools": [WEATHER],
        "temperature": 0,
    }
    forced = {**first, "tool_choice": {"type": "function", "name": "get_weather"}}

    events = events_of(client.post("/v1/responses", json={**forced, "stream": True}).text)

    (call,) = events[-1]["response"]["output"]
    assert (call["type"], call["name"], call["status"]) == (
        "function_call",
        "get_weather",
        "completed",
    )
    assert json.loads(call["arguments"])["unit"] in ("celsius", "fahrenheit")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "22, sunny"}
    second = sdk.responses.create(
        **{**first, "input": [*first["input"], call, output]},
        tool_choice="none",
        max_output_tokens=8,
    )
    assert second.output_text
    assert second.usage
    assert second.usage.input_tokens > 60
    streamed = sdk.responses.stream(**forced)
    with streamed as stream:
        again = stream.get_final_response().output[0]
    assert (again.type, again.arguments) == ("function_call", call["arguments"])  # type: ignore[union-attr]


class Answer(BaseModel):
    is_prime: bool
    parity: Literal["odd", "even"]


def test_an_answer_is_parsed_into_a_model(sdk: openai.OpenAI) -> None:
    response = sdk.responses.parse(
        model=MODEL, input="Is 7 prime?", text_format=Answer, temperature=1.2
    )

    assert isinstance(response.output_parsed, Answer)
    assert response.status == "completed"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"model": "nothing:1b"}, 404, "model_not_found", "model"),
        ({"model": "nothing:1b", "stream": True}, 404, "model_not_found", "model"),
        ({"previous_response_id": "resp_1"}, 400, None, "previous_response_id"),
        ({"input": [{"type": "spell"}]}, 400, None, "input[0].type"),
        ({"input": [{"role": "user", "content": 7}]}, 400, None, "input[0].content"),
        ({"input": "word " * 9000}, 400, "context_length_exceeded", "input"),
    ],
)
def test_errors_are_openais(
    sdk: openai.OpenAI, body: dict[str, Any], status: int, code: str | None, param: str
) -> None:
    with pytest.raises(openai.APIStatusError) as refusal:
        sdk.responses.create(**{**HELLO, **body})
    error = refusal.value
    assert (error.status_code, error.code, error.param) == (status, code, param)


def test_no_response_is_kept(sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(**{**HELLO, "max_output_tokens": 1})

    for ask in (
        lambda: sdk.responses.retrieve(made.id),
        lambda: sdk.responses.delete(made.id),
        lambda: sdk.responses.cancel(made.id),
        lambda: list(sdk.responses.input_items.list(made.id)),
    ):
        with pytest.raises(openai.NotFoundError, match="keeps no responses") as refusal:
            ask()
        assert refusal.value.code == "response_not_found"


def test_what_has_no_effect_is_told_or_with_strict_refused(client: httpx.Client) -> None:
    body = {**HELLO, "max_output_tokens": 1, "tools": [{"type": "web_search"}], "store": True}

    told = client.post("/v1/responses", json=body)
    refused = client.post("/v1/responses", json=body, headers={"X-NPU-Proxy-Strict": "1"})

    assert told.headers["X-NPU-Proxy-Ignored"] == "store, tools: web_search"
    assert told.json()["tools"] == []
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "store")


CODEX_HEADERS = {
    "accept": "text/event-stream",
    "content-type": "application/json",
    "content-encoding": "zstd",
    "originator": "codex_exec",
    "session-id": "01a210cb-07f1-7b82-86d4-e0eff09321f0",
    "x-client-request-id": "01a210cb-07f1-7b82-86d4-e0eff09321f0",
    "user-agent": "codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)",
}


def codex_says(role: str, text: str, number: int) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"msg_01a210cb-081e-7351-9108-a6d497e3433{number}",
        "role": role,
        "content": [{"type": "input_text", "text": text}],
    }


CODEX_TURN: dict[str, Any] = {
    "model": MODEL,
    "input": [
        codex_says("developer", "You are a coding agent running in a terminal.", 0),
        codex_says("developer", "<skills_instructions>\nNone.\n</skills_instructions>", 1),
        codex_says("user", "<environment_context>\n<shell>bash</shell>\n</environment_context>", 2),
        codex_says("user", "Close the agent named bo.", 3),
    ],
    "tools": [
        {
            "type": "function",
            "name": "exec_command",
            "description": "Runs a command in a PTY.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {
                    "cmd": {"type": "string", "description": "Shell command to execute."},
                    "yield_time_ms": {"type": "number"},
                },
                "required": ["cmd"],
                "additionalProperties": False,
            },
        },
        {
            "type": "namespace",
            "name": "multi_agent_v1",
            "description": "Tools for spawning and managing sub-agents.",
            "tools": [
                {
                    "type": "function",
                    "name": "close_agent",
                    "description": "Close an agent when it is no longer needed.",
                    "strict": False,
                    "parameters": {
                        "type": "object",
                        "properties": {"target": {"type": "string", "maxLength": 12}},
                        "required": ["target"],
                        "additionalProperties": False,
                    },
                }
            ],
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "01a210cb-07f1-7b82-86d4-e0eff09321f0",
    "client_metadata": {"turn_id": "01a210cb-0804-7d22-8b50-abdb42fdd5d5"},
}
"""What Codex 0.169 sends with --oss, with shorter texts."""


def codex_asks(client: httpx.Client, **changes: Any) -> list[dict[str, Any]]:
    """The events of one turn, whose request is packed as Codex packs it."""
    body = json.dumps({**CODEX_TURN, **changes}).encode()
    packed = zstandard.ZstdCompressor(level=3).compress(body)
    answer = client.post("/v1/responses", content=packed, headers=CODEX_HEADERS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-NPU-Proxy-Ignored"] == "tools: web_search"
    return events_of(answer.text)


def test_codex_finds_its_model_without_pulling_it(client: httpx.Client) -> None:
    assert MODEL in [it["id"] for it in client.get("/v1/models").json()["data"]]
    assert MODEL in [it["name"] for it in client.get("/api/tags").json()["models"]]
    version = client.get("/api/version").json()["version"].split(".")
    assert [int(part) for part in version[:3]] >= [0, 13, 4]


def test_codex_calls_a_tool_of_a_namespace_and_goes_on_with_its_result(
    client: httpx.Client,
) -> None:
    """The small model calls nothing by itself, so this one turn is forced. Codex finds the tool by
    `name` and `namespace`; joined it says "unsupported call"."""
    choice = {"type": "function", "name": "close_agent", "namespace": "multi_agent_v1"}

    call = codex_asks(client, tool_choice=choice)[-1]["response"]["output"][0]

    assert (call["name"], call["namespace"]) == ("close_agent", "multi_agent_v1")
    assert set(json.loads(call["arguments"])) == {"target"}
    output = {
        "type": "function_call_output",
        "id": "fco_01a210cf-0520-71e0-83f6-c93f440bae8e",
        "call_id": call["call_id"],
        "output": '{"previous_status":"running"}',
    }
    history = [*CODEX_TURN["input"], call, output, codex_says("user", "Now say hello.", 4)]
    last = codex_asks(client, input=history, tool_choice="none", max_output_tokens=8)[-1]
    assert last["response"]["output"][0]["type"] == "message"
    assert last["response"]["usage"]["input_tokens"] > 100
