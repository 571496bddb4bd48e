"""The official `anthropic` package against the real server and model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic.types import ErrorResponse, Message, MessageTokensCount, ModelInfo
from pydantic import TypeAdapter

from apis.limits import MAX_BODY_BYTES
from tests.apis.anthropic_types import assert_fits, events_of
from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance

USER: list[Any] = [{"role": "user", "content": "Say hello."}]
WEATHER: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOL: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the weather of a place.",
    "input_schema": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "maxLength": 16},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location", "unit"],
        "additionalProperties": False,
    },
}
LEAST: dict[str, Any] = {"model": MODEL, "max_tokens": 12, "temperature": 0}
GREEDY: Any = {"extra_body": {"temperature": 0}}
"""The package has no argument for it any more."""


@pytest.fixture
def sdk(api: Appliance) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=api.url,
        api_key="dummy",
        timeout=120,
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(trust_env=False),
    ) as sdk:
        yield sdk


def ask(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/messages", json={**LEAST, **body})


@pytest.mark.parametrize(
    "change",
    [
        {"messages": USER},
        {"messages": WEATHER, "max_tokens": 80, "tools": [TOOL], "tool_choice": {"type": "any"}},
    ],
)
def test_messages_and_streams_fit_the_packages_types_and_say_the_same(
    client: httpx.Client, change: dict[str, Any]
) -> None:
    whole = ask(client, **change)
    stream = ask(client, **change, stream=True)

    message = assert_fits(Message, whole.json())
    events = events_of(stream.content)
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert [event["type"] for event in events[:3]] == [
        "message_start", "ping", "content_block_start",
    ]  # fmt: skip
    assert [event["type"] for event in events[-3:]] == [
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert events[0]["message"]["usage"]["input_tokens"] == message.usage.input_tokens
    assert events[-2]["usage"]["output_tokens"] == message.usage.output_tokens
    assert events[-2]["delta"]["stop_reason"] == message.stop_reason
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    if message.content[0].type == "text":
        assert "".join(delta["text"] for delta in deltas) == message.content[0].text
    else:
        (delta,) = deltas
        assert TypeAdapter(dict[str, str]).validate_json(delta["partial_json"]) == (
            message.content[0].input
        )


def test_a_forced_call_and_its_result(sdk: anthropic.Anthropic) -> None:
    """The packages' helper puts the call together from the stream; the second turn is counted
    as it is read."""
    with sdk.messages.stream(
        model=MODEL,
        messages=WEATHER,
        tools=[TOOL],  # type: ignore[list-item]
        tool_choice={"type": "tool", "name": "get_weather"},
        max_tokens=80,
        **GREEDY,
    ) as stream:
        first = stream.get_final_message()
    (call,) = first.content
    assert call.type == "tool_use"
    assert first.stop_reason == "tool_use"
    assert set(call.input) == {"location", "unit"}

    result = {"type": "tool_result", "tool_use_id": call.id, "content": "22 degrees"}
    conversation: dict[str, Any] = {
        "model": MODEL,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            *WEATHER,
            {"role": "assistant", "content": [call.model_dump()]},
            {"role": "user", "content": [result]},
        ],
        "tools": [TOOL],
    }
    second = sdk.messages.create(**conversation, max_tokens=8, **GREEDY)

    counted = sdk.messages.count_tokens(**conversation)
    assert second.content
    assert assert_fits(MessageTokensCount, counted.model_dump()).input_tokens == (
        second.usage.input_tokens
    )


def test_a_stop_sequence_is_named_and_not_in_the_text(sdk: anthropic.Anthropic) -> None:
    def said(**more: Any) -> Message:
        count: list[Any] = [{"role": "user", "content": "Count from one to ten in words."}]
        return sdk.messages.create(model=MODEL, messages=count, max_tokens=20, **GREEDY, **more)

    (block,) = said().content
    assert block.type == "text"
    stop = block.text[8:11]

    cut = said(stop_sequences=[stop, "never said"])

    assert (cut.stop_reason, cut.stop_sequence) == ("stop_sequence", stop)
    assert cut.content[0].type == "text"
    assert cut.content[0].text == block.text.partition(stop)[0]


def test_an_answer_held_to_a_schema(sdk: anthropic.Anthropic) -> None:
    schema = {
        "type": "object",
        "properties": {"ready": {"type": "boolean"}},
        "required": ["ready"],
        "additionalProperties": False,
    }

    answer = sdk.messages.create(
        model=MODEL,
        messages=USER,
        max_tokens=40,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )

    (block,) = answer.content
    assert block.type == "text"
    assert set(TypeAdapter(dict[str, bool]).validate_json(block.text)) == {"ready"}


def test_reasoning_from_a_model_that_cannot_is_no_error_but_for_who_is_strict(
    client: httpx.Client,
) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}

    relaxed = ask(client, messages=USER, thinking=thinking)
    strict = client.post(
        "/v1/messages",
        json={**LEAST, "messages": USER, "thinking": thinking},
        headers={"X-NPU-Proxy-Strict": "1"},
    )

    assert relaxed.status_code == 200
    assert relaxed.headers["X-NPU-Proxy-Ignored"] == "thinking"
    assert strict.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer x", "anthropic-version": "2026-10-21"},
        {"x-api-key": "x", "anthropic-version": "1999-01-01", "anthropic-beta": "a-1,b-2"},
    ],
)
def test_any_key_version_and_beta_is_accepted(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    body = {**LEAST, "max_tokens": 1, "messages": USER}

    answer = client.post("/v1/messages?beta=true", json=body, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["Request-Id"] == answer.headers["X-Request-ID"]
    assert answer.json()["id"] == "msg_" + answer.headers["Request-Id"].removeprefix("req_")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("POST", "/v1/messages", {**LEAST, "messages": []}, 400, "invalid_request_error"),
        ("POST", "/v1/messages", {**LEAST, "messages": 5}, 400, "invalid_request_error"),
        ("POST", "/v1/messages", b"{", 400, "invalid_request_error"),
        ("POST", "/v1/messages", b"", 400, "invalid_request_error"),
        (
            "POST",
            "/v1/messages",
            {**LEAST, "model": "llama9", "messages": USER, "stream": True},
            404,
            "not_found_error",
        ),
        (
            "POST",
            "/v1/messages/count_tokens",
            {"model": "llama9", "messages": USER},
            404,
            "not_found_error",
        ),
        ("POST", "/v1/messages/batches", {}, 404, "not_found_error"),
        ("GET", "/v1/messages", None, 405, "invalid_request_error"),
        ("POST", "/v1/messages", b" " * (MAX_BODY_BYTES + 1), 413, "request_too_large"),
    ],
)
def test_every_refusal_is_an_error_object_with_the_requests_id(
    client: httpx.Client, method: str, path: str, body: Any, status: int, kind: str
) -> None:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}

    answer = client.request(method, path, **content)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    refusal = answer.json()
    assert refusal["error"]["type"] == kind
    assert refusal["request_id"] == answer.headers["Request-Id"]
    if status != 413:  # of that one the package has no type
        assert_fits(ErrorResponse, refusal)


def test_errors_are_the_packages_own(sdk: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="llama9") as missing:
        sdk.messages.create(model="llama9", messages=USER, max_tokens=5)
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: .* 8192 maximum"):
        long: Any = [{"role": "user", "content": "word " * 9000}]
        sdk.messages.create(model=MODEL, messages=long, max_tokens=5)

    assert missing.value.request_id


def test_models_are_listed_in_the_packages_form(sdk: anthropic.Anthropic) -> None:
    """Both vendors have them under one path; the header tells whose client asks."""
    assert MODEL in [model.id for model in sdk.models.list()]
    raw = sdk.models.with_raw_response.retrieve(MODEL)
    assert_fits(ModelInfo, raw.parse().model_dump())


async def test_what_claude_code_sends_at_once(api: Appliance) -> None:
    """A large prompt with many tools is counted, and answered as far as the model's context goes,
    while small requests run beside it."""
    tools = [{**TOOL, "name": f"tool_{number}"} for number in range(40)]
    large: dict[str, Any] = {
        "model": MODEL,
        "system": [{"type": "text", "text": "Be brief. " * 5000}],
        "messages": USER,
        "tools": tools,
    }
    async with anthropic.AsyncAnthropic(
        base_url=api.url,
        auth_token="dummy",
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False),
    ) as sdk:

        async def small(number: int) -> int:
            async with sdk.messages.stream(
                model=MODEL,
                messages=[{"role": "user", "content": f"Tell me about {number}."}],
                max_tokens=8,
            ) as stream:
                return (await stream.get_final_message()).usage.output_tokens

        async def refused() -> str:
            with pytest.raises(anthropic.BadRequestError) as error:
                await sdk.messages.create(**large, max_tokens=32_000, stream=True)
            return str(error.value)

        counted, words, *tokens = await asyncio.gather(
            sdk.messages.count_tokens(**large), refused(), *map(small, range(6))
        )

    assert counted.input_tokens > 15_000
    assert f"{counted.input_tokens} tokens > 8192 maximum" in words
    assert all(0 < count <= 8 for count in tokens)
