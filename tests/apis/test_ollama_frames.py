"""What clients of Ollama get for every event: tables, and the official package's types."""

from __future__ import annotations

import json
import re
from typing import Any

import ollama
import pytest

from apis.ollama.frames import ChatFrames, GenerateFrames
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

FINISHED = Finished(FinishReason.STOP, 7, 3, Timings(0.0, 0.0, 0.1, 0.2, 0.15, 0.4))
HALF = TokenLogprob("é".encode()[:1], -0.5)
NEVER = TokenLogprob(b"x", float("-inf"))
CALL = ToolCall(1, "look", {"z": [1, {"b": None}], "a": "é"})
ALL_OF_IT = Answer("4", FINISHED, "2+2", (ToolCall(0, "look", {}), CALL), (HALF, NEVER))

# What Ollama sends and its own package does not declare.
UNDECLARED = {"id", "index", "bytes"}


class Ids:
    """The ids of a generation, which is all that the frames read of it."""

    prompt_ids = (1, 2)
    completion_ids = (3,)


def chat(top_logprobs: int = 0) -> ChatFrames:
    return ChatFrames("m", top_logprobs=top_logprobs)


def generate(**options: Any) -> GenerateFrames:
    return GenerateFrames("m", Ids(), **{"has_context": True, **options})  # type: ignore[arg-type]


def read(frame: bytes) -> dict[str, Any]:
    """The frame's object, without its time."""
    assert frame.endswith(b"\n")
    value: dict[str, Any] = json.loads(frame)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value.pop("created_at"))
    assert value.pop("model") == "m"
    return value


def item(token: str, logprob: float, *numbers: int) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(numbers)}


def test_reasoning_has_a_field_of_its_own() -> None:
    delta = ThinkingDelta('2"+2')

    assert read(chat().thinking(delta)) == {
        "message": {"role": "assistant", "content": "", "thinking": '2"+2'},
        "done": False,
    }
    assert read(generate().thinking(delta)) == {
        "response": "",
        "thinking": '2"+2',
        "done": False,
    }


def test_a_call_is_one_frame_with_its_arguments_as_an_object() -> None:
    frame = read(chat().tool_call(CALL))

    (call,) = frame["message"].pop("tool_calls")
    assert re.fullmatch("call_[a-z0-9]{8}", call.pop("id"))
    assert call == {
        "function": {
            "index": 1,
            "name": "look",
            "arguments": {"z": [1, {"b": None}], "a": "é"},
        }
    }
    assert list(call["function"]["arguments"]) == ["z", "a"]
    assert frame == {"message": {"role": "assistant", "content": ""}, "done": False}


@pytest.mark.parametrize("arguments", [{"n": 2**80}, {"s": "\ud800"}])
def test_arguments_may_be_what_only_a_model_writes(arguments: dict[str, Any]) -> None:
    frame = read(chat().tool_call(ToolCall(0, "look", arguments)))

    assert frame["message"]["tool_calls"][0]["function"]["arguments"] == arguments


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (
            chat().text(TextDelta("", (), (HALF,))),
            {"message": {"role": "assistant", "content": ""}},
        ),
        (generate().text(TextDelta("", (), (HALF,))), {"response": ""}),
    ],
    ids=["chat", "generate"],
)
def test_a_token_without_text_brings_its_probability(frame: bytes, said: dict[str, Any]) -> None:
    assert read(frame) == {**said, "logprobs": [item("\ufffd", -0.5, 0xC3)], "done": False}


def test_the_likeliest_are_the_chosen_one_where_any_are_wanted() -> None:
    frame = read(chat(top_logprobs=3).text(TextDelta("é", (), (NEVER,))))

    assert frame["logprobs"] == [
        {**item("x", -9999.0, 0x78), "top_logprobs": [item("x", -9999.0, 0x78)]}
    ]


def test_a_whole_answer_has_everything() -> None:
    whole = chat().whole(ALL_OF_IT)

    assert whole["message"]["content"] == "4"
    assert whole["message"]["thinking"] == "2+2"
    assert [call["function"]["index"] for call in whole["message"]["tool_calls"]] == [0, 1]
    assert len({call["id"] for call in whole["message"]["tool_calls"]}) == 2
    assert [one["logprob"] for one in whole["logprobs"]] == [-0.5, -9999.0]
    assert (whole["done"], whole["done_reason"]) == (True, "stop")
    assert generate().whole(ALL_OF_IT)["thinking"] == "2+2"


def test_the_last_frame_has_the_counts_and_the_context() -> None:
    last = read(generate().finished(FINISHED))

    assert last == {
        "response": "",
        "done": True,
        "done_reason": "stop",
        "context": [1, 2, 3],
        "total_duration": 400_000_000,
        "load_duration": 50_000_000,
        "prompt_eval_count": 7,
        "prompt_eval_duration": 100_000_000,
        "eval_count": 3,
        "eval_duration": 200_000_000,
    }
    assert "context" not in read(generate(has_context=False).finished(FINISHED))


def test_an_error_is_a_line_of_its_own() -> None:
    assert json.loads(chat().failed(EngineFailed("x"))).keys() == {"error"}


def declared(value: Any, kind: Any, place: str = "") -> list[str]:
    """The fields of an object that the package's type does not have."""
    if not isinstance(value, dict) or not hasattr(kind, "model_fields"):
        return []
    names = {field.alias or name for name, field in kind.model_fields.items()}
    return [f"{place}.{name}" for name in value if name not in names | UNDECLARED]


@pytest.mark.parametrize(
    ("kind", "frames"),
    [
        (
            ollama.ChatResponse,
            [
                chat(2).text(TextDelta("a", (), (HALF,))),
                chat().thinking(ThinkingDelta("a")),
                chat().tool_call(CALL),
                chat().finished(FINISHED),
                json.dumps(chat(2).whole(ALL_OF_IT)).encode(),
            ],
        ),
        (
            ollama.GenerateResponse,
            [
                generate(top_logprobs=2).text(TextDelta("a", (), (HALF,))),
                generate().thinking(ThinkingDelta("a")),
                generate().finished(FINISHED),
                json.dumps(generate().whole(ALL_OF_IT)).encode(),
            ],
        ),
    ],
    ids=["chat", "generate"],
)
def test_every_frame_is_of_the_official_packages_type(kind: Any, frames: list[bytes]) -> None:
    for frame in frames:
        value = json.loads(frame)
        parsed = kind.model_validate_json(frame, strict=True)
        assert declared(value, kind) == []
        if "message" in value:
            assert declared(value["message"], ollama.Message, "message") == []
        assert parsed.model_dump(exclude_none=True).keys() == value.keys()
