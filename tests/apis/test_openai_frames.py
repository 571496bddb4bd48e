"""What OpenAI's clients get of each event, without a server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from apis.json_text import json_text
from apis.openai.completions_frames import CompletionFrames, Echo
from apis.openai.frames import ChatFrames, ChatStyle
from apis.openai.sse import UsageWish
from apis.streams import Answer
from inference.errors import EngineFailed
from inference.requests import (
    Finished,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    Timings,
    TokenLogprob,
    ToolCall,
)
from tests.apis.sdk_types import events_of, strictly, strictly_a_completion_chunk

STOP = Finished(FinishReason.STOP, 10, 7, Timings(), thinking_tokens=2)
LENGTH = Finished(FinishReason.LENGTH, 10, 7, Timings())
WEATHER = ToolCall(0, "get_weather", {"city": "Zürich"})
TIME = ToolCall(1, "get_time", {})
HALF = TokenLogprob(b"\xc3", -0.5)
WORD = TokenLogprob(b" hi", -0.25)


@dataclass
class Progress:
    """How far an answer is, as a generation would tell it."""

    prompt_ids: tuple[int, ...] = (1, 2, 3)
    completion_ids: tuple[int, ...] = ()


def written(frames: ChatFrames, *events: Any, progress: Progress | None = None) -> list[Any]:
    """The chunks of one answer with these events, as JSON; each fits the package's type."""
    choice = frames.choice(0, progress or Progress(), is_alone=True)
    out = choice.opening()
    for event in events:
        match event:
            case TextDelta():
                out += choice.text(event)
            case ThinkingDelta():
                out += choice.thinking(event)
            case ToolCall():
                out += choice.tool_call(event)
            case Finished():
                out += choice.finished(event)
    return [json.loads(data) for data in events_of(out.decode())]


def deltas(chunks: list[Any]) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks]


def test_a_call_is_streamed_as_id_and_name_then_arguments() -> None:
    chunks = written(ChatFrames("req_1", "m"), WEATHER, TIME, STOP)

    for chunk in chunks:
        strictly(ChatCompletionChunk, json.dumps(chunk))
    first, begun, rest, second, _, last = deltas(chunks)
    assert first == {"role": "assistant", "content": ""}
    (call,) = begun["tool_calls"]
    assert call.pop("id").startswith("call_")
    function = {"name": "get_weather", "arguments": ""}
    assert call == {"index": 0, "type": "function", "function": function}
    assert rest == {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":"Zürich"}'}}]}
    assert second["tool_calls"][0]["index"] == 1
    assert last == {}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_reasoning_goes_out_under_both_of_its_names() -> None:
    chunks = written(ChatFrames("req_1", "m"), ThinkingDelta("Hm."), TextDelta("5"), STOP)

    assert deltas(chunks)[1:3] == [
        {"reasoning": "Hm.", "reasoning_content": "Hm."},
        {"content": "5"},
    ]


@pytest.mark.parametrize(
    ("style", "finished", "has_calls", "reason"),
    [
        (ChatStyle(), STOP, False, "stop"),
        (ChatStyle(), STOP, True, "tool_calls"),
        (ChatStyle(), LENGTH, True, "length"),
        (ChatStyle(is_named=True), STOP, True, "stop"),
        (ChatStyle(is_legacy=True), STOP, True, "function_call"),
        (ChatStyle(is_legacy=True, is_named=True), STOP, True, "stop"),
    ],
)
def test_why_an_answer_ended(
    style: ChatStyle, finished: Finished, has_calls: bool, reason: str
) -> None:
    assert style.finish_reason(finished, has_calls=has_calls) == reason


def test_older_clients_get_one_function_call() -> None:
    frames = ChatFrames("req_1", "m", style=ChatStyle(is_legacy=True))

    _, begun, rest, _ = deltas(written(frames, WEATHER, STOP))
    whole = frames.whole([Answer("", STOP, tool_calls=(WEATHER,))])

    assert begun == {"function_call": {"name": "get_weather", "arguments": ""}}
    assert rest == {"function_call": {"arguments": '{"city":"Zürich"}'}}
    message = strictly(ChatCompletion, json.dumps(whole)).choices[0].message
    assert message.function_call
    assert message.content is None


def test_log_probabilities_stand_beside_their_text() -> None:
    frames = ChatFrames("req_1", "m", style=ChatStyle(logprobs=True, alternatives=True))

    chunks = written(frames, TextDelta("", (1,), (HALF,)), TextDelta("é hi", (2, 3), (WORD,)), STOP)
    bare = ChatFrames("req_1", "m", style=ChatStyle(logprobs=True))
    whole = bare.whole([Answer("é hi", STOP, logprobs=(HALF, WORD))])

    for chunk in chunks:
        strictly(ChatCompletionChunk, json.dumps(chunk))
    half = {"token": "\ufffd", "logprob": -0.5, "bytes": [0xC3]}
    assert chunks[1]["choices"][0]["logprobs"] == {
        "content": [{**half, "top_logprobs": [half]}],
        "refusal": None,
    }
    assert chunks[0]["choices"][0]["logprobs"] is None
    (choice,) = strictly(ChatCompletion, json.dumps(whole)).choices
    assert choice.logprobs
    assert [t.token for t in choice.logprobs.content or ()] == ["\ufffd", " hi"]
    assert {len(t.top_logprobs) for t in choice.logprobs.content or ()} == {0}


def test_a_whole_answer_has_its_calls_and_no_text_beside_them() -> None:
    frames = ChatFrames("req_1", "m")

    whole = frames.whole([Answer("", STOP, "Hm.", (WEATHER, TIME)), Answer("Hi", LENGTH)])

    calls, text = whole["choices"]
    assert calls["message"]["content"] is None
    assert calls["message"]["reasoning"] == calls["message"]["reasoning_content"] == "Hm."
    assert [call["function"]["name"] for call in calls["message"]["tool_calls"]] == [
        "get_weather",
        "get_time",
    ]
    assert text["message"] == {
        "role": "assistant", "content": "Hi", "refusal": None, "annotations": [],
    }  # fmt: skip
    assert whole["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 14,
        "total_tokens": 24,
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_the_usage_so_far_can_stand_in_every_chunk() -> None:
    frames = ChatFrames("req_1", "m", usage=UsageWish(at_end=True, continuous=True))

    *chunks, last = written(frames, TextDelta("Hi"), STOP, progress=Progress(completion_ids=(4,)))

    assert [chunk["usage"]["completion_tokens"] for chunk in chunks] == [1, 1, 1]
    assert last["usage"]["completion_tokens"] == 7


def test_an_error_ends_a_stream_without_the_end_mark() -> None:
    choice = ChatFrames("req_1", "m").choice(0, Progress())

    data = choice.failed(EngineFailed("the engine died")).decode()

    assert json.loads(data.removeprefix("data: "))["error"]["code"] == "engine_failed"
    assert "[DONE]" not in data


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
        ({"n": 2**80}, '{"n":1208925819614629174706176}'),
        ({"s": "é"}, '{"s":"é"}'),
        ({"s": "é\ud800"}, '{"s":"\\u00e9\\ud800"}'),
    ],
)
def test_arguments_are_json_in_a_string(arguments: dict[str, Any], text: str) -> None:
    assert json_text(arguments) == text
    text.encode()


def test_completions_count_offsets_through_the_echo_and_know_nothing_of_its_tokens() -> None:
    frames = CompletionFrames("req_1", "m", logprobs=1, echoes=[Echo("One two", ("One", " two"))])
    answer = Answer(" hi hi", STOP, logprobs=(WORD, WORD))

    whole = frames.whole([answer])
    choice = frames.choice(0, Progress(), is_alone=True)
    streamed = choice.opening() + choice.text(TextDelta(" hi hi", (), (WORD, WORD)))

    (only,) = whole["choices"]
    assert only["text"] == "One two hi hi"
    assert only["logprobs"] == {
        "tokens": ["One", " two", " hi", " hi"],
        "token_logprobs": [None, None, -0.25, -0.25],
        "top_logprobs": [None, None, {" hi": -0.25}, {" hi": -0.25}],
        "text_offset": [0, 3, 7, 10],
    }
    echoed, text = [
        json.loads(data)["choices"][0]["logprobs"]
        for data in events_of((streamed + frames.end([STOP])).decode())
    ]
    assert echoed["text_offset"] + text["text_offset"] == [0, 3, 7, 10]


def test_completions_have_the_packages_shape() -> None:
    frames = CompletionFrames("req_1", "m", usage=UsageWish(at_end=True), logprobs=0)
    choice = frames.choice(0, Progress(), is_alone=True)

    data = choice.text(TextDelta(" hi", (1,), (WORD,))) + choice.finished(LENGTH)

    assert strictly(Completion, json.dumps(frames.whole([Answer("x", STOP)]))).choices
    text, last, usage = [strictly_a_completion_chunk(one) for one in events_of(data.decode())]
    assert text.choices[0].logprobs
    assert text.choices[0].logprobs.top_logprobs is None
    assert last.choices[0].finish_reason == "length"
    assert (usage.choices, usage.usage and usage.usage.total_tokens) == ([], 17)


def test_several_prompts_are_counted_once_each() -> None:
    frames = CompletionFrames("req_1", "m", choices=2)

    usage = frames.whole([Answer("x", STOP)] * 4)["usage"]

    assert usage == {"prompt_tokens": 20, "completion_tokens": 28, "total_tokens": 48}
