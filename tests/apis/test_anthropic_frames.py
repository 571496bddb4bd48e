"""The events and messages of Anthropic's family, from events of our own. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import ErrorResponse, Message

from apis.answers import JsonAnswer
from apis.anthropic.errors import error_object, text_of
from apis.anthropic.frames import MessageFrames, stop_of
from apis.anthropic.schemas import Message as Described
from apis.streams import Answer
from inference.errors import EngineFailed, PromptTooLong
from inference.requests import (
    AnswerEvent,
    Finished,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    Timings,
    ToolCall,
)
from tests.apis.anthropic_types import assert_fits, events_of

CALLS = (ToolCall(0, "look", {"at": "ü"}), ToolCall(1, "wait", {}))


def finished(reason: FinishReason = FinishReason.STOP, stop_string: str | None = None) -> Finished:
    return Finished(reason, 7, 5, Timings(), stop_string, thinking_tokens=2)


def answered(*parts: AnswerEvent) -> Answer:
    return Answer(
        "".join(part.text for part in parts if isinstance(part, TextDelta)),
        finished(),
        "".join(part.text for part in parts if isinstance(part, ThinkingDelta)),
        tuple(part for part in parts if isinstance(part, ToolCall)),
        parts=parts,
    )


def frames(*, shows_thinking: bool = True, stops: tuple[str, ...] = ()) -> MessageFrames:
    return MessageFrames(
        "req_0123", "m", input_tokens=7, stops=stops, shows_thinking=shows_thinking
    )


def brief(event: dict[str, Any]) -> tuple[Any, ...]:
    """An event as its type, its index and what it brings."""
    kind = event["type"]
    if kind == "content_block_start":
        return "start", event["index"], event["content_block"]["type"]
    if kind == "content_block_stop":
        return "stop", event["index"]
    if kind == "content_block_delta":
        delta = event["delta"]
        (value,) = (value for name, value in delta.items() if name != "type")
        return delta["type"].removesuffix("_delta"), event["index"], value
    return (kind,)


def test_reasoning_text_and_calls_are_blocks_that_open_and_close_in_turn() -> None:
    writer = frames()
    stream = b"".join(
        (
            writer.opening(),
            writer.thinking(ThinkingDelta("so ")),
            writer.thinking(ThinkingDelta("what")),
            writer.text(TextDelta('He said "hi"')),
            writer.text(TextDelta("\n")),
            *map(writer.tool_call, CALLS),
            writer.text(TextDelta("Well.")),
            writer.finished(finished()),
        )
    )

    events = events_of(stream)

    signature = next(e["delta"]["signature"] for e in events if "signature" in e.get("delta", ""))
    assert [brief(event) for event in events] == [
        ("message_start",),
        ("ping",),
        ("start", 0, "thinking"),
        ("thinking", 0, "so "),
        ("thinking", 0, "what"),
        ("signature", 0, signature),
        ("stop", 0),
        ("start", 1, "text"),
        ("text", 1, 'He said "hi"'),
        ("text", 1, "\n"),
        ("stop", 1),
        ("start", 2, "tool_use"),
        ("input_json", 2, '{"at":"ü"}'),
        ("stop", 2),
        ("start", 3, "tool_use"),
        ("input_json", 3, "{}"),
        ("stop", 3),
        ("start", 4, "text"),
        ("text", 4, "Well."),
        ("stop", 4),
        ("message_delta",),
        ("message_stop",),
    ]
    assert signature
    starts = [event["content_block"] for event in events if event["type"].endswith("block_start")]
    assert starts[0] == {"type": "thinking", "thinking": "", "signature": ""}
    assert starts[1] == {"type": "text", "text": "", "citations": []}
    assert starts[2]["input"] == {}
    assert len({block["id"] for block in starts if block["type"] == "tool_use"}) == 2
    assert events[0]["message"]["usage"]["input_tokens"] == 7
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    assert events[-2]["usage"]["output_tokens"] == 5
    assert events[-2]["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


@pytest.mark.parametrize("arguments", [{"n": 2**80}, {"s": "\ud800"}])
def test_a_calls_input_may_be_what_only_a_model_writes(arguments: dict[str, Any]) -> None:
    call = ToolCall(0, "look", arguments)

    (delta,) = [
        event["delta"]["partial_json"]
        for event in events_of(frames().tool_call(call))
        if event["type"] == "content_block_delta"
    ]

    assert json.loads(delta) == arguments
    whole = JsonAnswer(frames().whole(answered(call)), content_type="application/json")
    assert json.loads(whole.content)["content"][0]["input"] == arguments


def test_reasoning_that_is_not_to_be_shown_leaves_an_empty_signed_block() -> None:
    writer = frames(shows_thinking=False)
    stream = b"".join(
        (writer.thinking(ThinkingDelta("so")), writer.thinking(ThinkingDelta("what")))
    )
    stream += writer.text(TextDelta("x"))

    kinds = [brief(event)[0] for event in events_of(stream)]

    assert kinds == ["start", "signature", "stop", "start", "text"]
    whole = frames(shows_thinking=False).whole(answered(ThinkingDelta("so"), TextDelta("x")))
    assert whole["content"][0]["thinking"] == ""
    assert whole["content"][0]["signature"]


def test_an_empty_answer_has_no_blocks() -> None:
    writer = frames()

    events = events_of(writer.opening() + writer.finished(finished()))

    assert [event["type"] for event in events] == [
        "message_start", "ping", "message_delta", "message_stop",
    ]  # fmt: skip
    assert frames().whole(answered(TextDelta("")))["content"] == []


def test_the_message_at_once_has_every_key_and_fits_both_descriptions() -> None:
    whole = frames().whole(
        answered(
            ThinkingDelta("so "),
            ThinkingDelta("what"),
            TextDelta("He said "),
            TextDelta("hi."),
            *CALLS,
            TextDelta("Well."),
        )
    )

    assert_fits(Message, whole)
    Described.model_validate(whole, extra="forbid")
    assert [block["type"] for block in whole["content"]] == [
        "thinking", "text", "tool_use", "tool_use", "text",
    ]  # fmt: skip
    assert whole["content"][0]["thinking"] == "so what"
    assert whole["content"][1]["text"] == "He said hi."
    assert whole["id"] == "msg_0123"
    assert whole["content"][2]["input"] == {"at": "ü"}
    assert set(whole) == {
        "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details",
        "container", "usage",
    }  # fmt: skip
    assert set(whole["usage"]) == {
        "input_tokens", "output_tokens", "cache_creation", "cache_creation_input_tokens",
        "cache_read_input_tokens", "output_tokens_details", "server_tool_use", "service_tier",
        "inference_geo",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("end", "has_calls", "reason", "sequence"),
    [
        (finished(), False, "end_turn", None),
        (finished(FinishReason.LENGTH), False, "max_tokens", None),
        (finished(stop_string="END"), False, "stop_sequence", "END"),
        # A stop string of the model's preset is not the client's.
        (finished(stop_string="<|user|>"), False, "end_turn", None),
        (finished(), True, "tool_use", None),
        (finished(FinishReason.LENGTH), True, "tool_use", None),
    ],
)
def test_why_it_ended(end: Finished, has_calls: bool, reason: str, sequence: str | None) -> None:
    assert stop_of(end, ("END", "X"), has_calls=has_calls) == (reason, sequence)


def test_an_error_midway_is_an_event() -> None:
    (event,) = events_of(frames().failed(EngineFailed("signal 11")))

    assert event == error_object("api_error", "signal 11", "req_0123")
    assert_fits(ErrorResponse, event)


def test_a_prompt_that_is_too_long_is_told_in_the_words_clients_look_for() -> None:
    error = PromptTooLong(prompt_tokens=9000, requested_tokens=5, limits={"NPU": 10, "CPU": 8192})

    assert text_of(error) == "prompt is too long: 9000 tokens > 8192 maximum (NPU 10, CPU 8192)"
