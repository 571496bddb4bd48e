"""Events and objects of /v1/responses for every kind of answer, as OpenAI's package types them."""

from __future__ import annotations

from typing import Any

import pytest

from apis.openai.responses.frames import ResponseFrames
from apis.openai.responses.tools import Offered
from apis.streams import Answer
from inference import errors
from inference.requests import (
    AnswerEvent,
    Finished,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    Timings,
    TokenLogprob,
    ToolCall,
)
from tests.apis.responses_wire import events_of, kinds_of, response_of
from tests.apis.test_responses import AGENTS, PATCH, WEATHER, read

TOOLS = [WEATHER, AGENTS, PATCH]
STOP, LENGTH = FinishReason.STOP, FinishReason.LENGTH
ITEM = ["output_item.added", "output_item.done"]
TEXT = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"]
THOUGHT = [
    "reasoning_summary_part.added",
    "reasoning_summary_text.delta",
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
]
CALL = ["function_call_arguments.delta", "function_call_arguments.done"]
CUSTOM = ["custom_tool_call_input.delta", "custom_tool_call_input.done"]


def writer(**body: Any) -> ResponseFrames:
    wanted = read(tools=TOOLS, **body)
    return ResponseFrames(
        "req_0123456789abcdef01234567",
        wanted.echo,
        wanted.tools,
        has_encrypted_reasoning=wanted.has_encrypted_reasoning,
        top_logprobs=wanted.top_logprobs,
    )


def finished(reason: FinishReason = STOP) -> Finished:
    return Finished(reason, 11, 5, Timings(), thinking_tokens=2)


def streamed(parts: list[AnswerEvent], reason: FinishReason = STOP, **body: Any) -> list[Any]:
    frames = writer(**body)
    pieces = [frames.opening()]
    for part in parts:
        match part:
            case TextDelta():
                pieces.append(frames.text(part))
            case ThinkingDelta():
                pieces.append(frames.thinking(part))
            case ToolCall():
                pieces.append(frames.tool_call(part))
    pieces.append(frames.finished(finished(reason)))
    return events_of(b"".join(pieces).decode())


def without_what_differs(response: dict[str, Any]) -> dict[str, Any]:
    """Times, and the ids of calls, which are drawn."""
    output = [{**item, "call_id": "..."} for item in response["output"]]
    return {**response, "created_at": 0, "completed_at": 0, "output": output}


def inside(item: list[str], *, deltas: int = 1) -> list[str]:
    """The types of one item's events."""
    added, done = ITEM
    kinds = [kind for kind in item for _ in range(deltas if kind.endswith("delta") else 1)]
    return [added, *kinds, done]


@pytest.mark.parametrize(
    ("parts", "reason", "items", "end"),
    [
        ([TextDelta("He"), TextDelta("llo")], STOP, inside(TEXT, deltas=2), "completed"),
        ([TextDelta("Hel")], LENGTH, inside(TEXT), "incomplete"),
        ([], STOP, [kind for kind in inside(TEXT) if "delta" not in kind], "completed"),
        ([], LENGTH, [], "incomplete"),
        (
            [ThinkingDelta("H"), ThinkingDelta("m"), TextDelta("Yes")],
            STOP,
            inside(THOUGHT, deltas=2) + inside(TEXT),
            "completed",
        ),
        ([ThinkingDelta("Hm")], LENGTH, inside(THOUGHT), "incomplete"),
        (
            [TextDelta("So: "), ToolCall(0, "weather", {"place": "Rome"}), TextDelta("there")],
            STOP,
            inside(TEXT) + inside(CALL) + inside(TEXT),
            "completed",
        ),
        (
            [ToolCall(0, "weather", {}), ToolCall(1, "agents.clock", {}), ThinkingDelta("")],
            STOP,
            inside(CALL) * 2,
            "completed",
        ),
        ([ToolCall(0, "patch", {"input": "+x"})], STOP, inside(CUSTOM), "completed"),
    ],
    ids=[
        "text",
        "cut text",
        "nothing",
        "nothing, cut",
        "reasoning and text",
        "cut reasoning",
        "a call between texts",
        "two calls",
        "a custom tool",
    ],
)
def test_every_answer_has_its_events_and_ends_in_the_object_that_is_not_streamed(
    parts: list[AnswerEvent], reason: FinishReason, items: list[str], end: str
) -> None:
    events = streamed(parts, reason)

    kinds = ["created", "in_progress", *items, end]
    assert kinds_of(events) == [f"response.{kind}" for kind in kinds]
    whole = writer().whole(Answer("", finished(reason), parts=tuple(parts)))
    assert without_what_differs(whole) == without_what_differs(events[-1]["response"])
    response = response_of(whole)
    assert response.status == end
    assert (response.incomplete_details is None) == (end == "completed")
    assert (whole["completed_at"] is None) == (end == "incomplete")
    assert response.usage
    assert response.usage.to_dict() == {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 16,
    }


def test_the_response_is_whole_from_its_first_event_on() -> None:
    events = streamed([TextDelta("x")])

    first, last = events[0]["response"], events[-1]["response"]
    assert set(first) == set(last)
    assert (first["status"], first["output"], first["usage"]) == ("in_progress", [], None)
    assert last["id"] == "resp_0123456789abcdef01234567"


def test_a_call_goes_back_in_its_clients_words() -> None:
    parts: list[AnswerEvent] = [
        ToolCall(0, "agents.clock", {"zone": "UTC", "digits": 10**30}),
        ToolCall(1, "patch", {"input": "+x\n"}),
        ToolCall(2, "unknown", {}),
    ]

    clock, patch, unknown = streamed(parts)[-1]["response"]["output"]

    assert (clock["name"], clock["namespace"]) == ("clock", "agents")
    assert clock["arguments"] == f'{{"zone":"UTC","digits":{10**30}}}'
    assert (patch["type"], patch["name"], patch["input"]) == ("custom_tool_call", "patch", "+x\n")
    assert (unknown["name"], unknown["arguments"]) == ("unknown", "{}")
    assert len({item["id"] for item in (clock, patch, unknown)}) == 3
    assert len({item["call_id"] for item in (clock, patch, unknown)}) == 3


def test_reasoning_can_be_sent_back_by_clients_that_keep_only_its_encrypted_form() -> None:
    parts: list[AnswerEvent] = [ThinkingDelta("Hm."), TextDelta("Yes")]

    plain = streamed(parts)[-1]["response"]["output"][0]
    asked = streamed(parts, include=["reasoning.encrypted_content"])[-1]["response"]["output"][0]

    assert plain["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert "encrypted_content" not in plain
    assert asked["encrypted_content"] == "Hm."


def test_logprobs_belong_to_the_text_and_alternatives_are_not_invented() -> None:
    def token(text: bytes) -> tuple[TokenLogprob, ...]:
        return (TokenLogprob(text, -0.5),)

    parts: list[AnswerEvent] = [
        TextDelta("", logprobs=token(b"\xc3")),
        TextDelta("é", logprobs=token(b"\xa9")),
        TextDelta("", logprobs=token(b" ")),
        TextDelta(" x", logprobs=token(b"x")),
    ]

    events = streamed(parts, include=["message.output_text.logprobs"], top_logprobs=2)

    part = events[-1]["response"]["output"][0]["content"][0]
    assert [one["bytes"] for one in part["logprobs"]] == [[195], [169], [32], [120]]
    assert part["logprobs"][3]["top_logprobs"] == [{"token": "x", "logprob": -0.5, "bytes": [120]}]
    deltas = [event for event in events if "delta" in event]
    assert [one for event in deltas for one in event["logprobs"]] == part["logprobs"]


def test_tokens_of_a_call_do_not_become_an_empty_message() -> None:
    parts: list[AnswerEvent] = [
        TextDelta("", logprobs=(TokenLogprob(b"<tool_call>", -0.1),)),
        ToolCall(0, "weather", {}),
    ]

    (item,) = streamed(parts, include=["message.output_text.logprobs"])[-1]["response"]["output"]

    assert item["type"] == "function_call"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.EngineFailed("signal 11"), "server_error"),
        (errors.InferenceTimeout("slow"), "server_error"),
        (errors.ServerBusy(), "rate_limit_exceeded"),
        (errors.InvalidRequest("odd"), "invalid_prompt"),
    ],
)
def test_what_breaks_midway_is_a_failed_response_with_what_there_is(
    error: errors.InferenceError, code: str
) -> None:
    frames = writer()
    text = frames.opening() + frames.text(TextDelta("Hel")) + frames.ping() + frames.failed(error)

    last = events_of(text.decode())[-1]

    response = response_of(last["response"])
    assert last["type"] == "response.failed"
    assert (response.status, response.output_text) == ("failed", "Hel")
    assert response.error
    assert (response.error.code, response.error.message) == (code, error.message)


def test_the_writer_knows_tools_by_the_models_names() -> None:
    assert read(tools=TOOLS).tools == {
        "weather": Offered("weather"),
        "agents.clock": Offered("clock", "agents"),
        "patch": Offered("patch", is_custom=True),
    }
