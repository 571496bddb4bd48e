"""The items of a Responses request as turns of a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from inference.errors import CapabilityMissing, InferenceError, InvalidRequest
from inference.requests import Message
from tests.apis.test_responses import USER, read


def messages_of(*items: dict[str, Any], **body: Any) -> list[Message]:
    return list(read(input=list(items), **body).request.messages or ())


def call(
    name: str, arguments: str = '{"a": 1}', call_id: str = "c1", **more: str
) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        **more,
    }


def called(name: str, arguments: Any, call_id: str = "c1") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def result(output: Any, call_id: str = "c1") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAAA",
}
ANSWER = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "phase": "commentary",
    "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}],
}
TOLD = Message("tool", "sunny", {"tool_call_id": "c1", "name": "weather", "tool_name": "weather"})
ASKED = Message("user", "Hi")


@pytest.mark.parametrize(
    ("items", "turns"),
    [
        ([USER], [ASKED]),
        ([{**USER, "type": "message"}], [ASKED]),
        (
            [{"role": "developer", "content": "Be brief."}, USER],
            [Message("system", "Be brief."), ASKED],
        ),
        (
            [
                {"role": "system", "content": [{"type": "input_text", "text": "A"}]},
                {"role": "developer", "content": "B"},
                USER,
                {"role": "developer", "content": "C"},
            ],
            [Message("system", "A\n\nB"), ASKED, Message("system", "C")],
        ),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "My name is "},
                        {"type": "input_text", "text": "Bo."},
                    ],
                }
            ],
            [Message("user", "My name is Bo.")],
        ),
        (
            [USER, THOUGHT, ANSWER, call("weather"), result("sunny")],
            [
                ASKED,
                Message(
                    "assistant",
                    "Let me see.",
                    {"tool_calls": [called("weather", {"a": 1})], "thinking": "Hm."},
                ),
                TOLD,
            ],
        ),
        (
            [call("weather"), call("clock", "", "c2"), result("sunny"), result("noon", "c2")],
            [
                Message(
                    "assistant",
                    "",
                    {"tool_calls": [called("weather", {"a": 1}), called("clock", {}, "c2")]},
                ),
                TOLD,
                Message(
                    "tool", "noon", {"tool_call_id": "c2", "name": "clock", "tool_name": "clock"}
                ),
            ],
        ),
        (
            [call("weather"), result("sunny"), THOUGHT, ANSWER, USER],
            [
                Message("assistant", "", {"tool_calls": [called("weather", {"a": 1})]}),
                TOLD,
                Message("assistant", "Let me see.", {"thinking": "Hm."}),
                ASKED,
            ],
        ),
        (
            [ANSWER, {**ANSWER, "content": "Done.", "phase": "final_answer"}],
            [Message("assistant", "Let me see."), Message("assistant", "Done.")],
        ),
        ([USER, THOUGHT], [ASKED]),
        (
            [call("clock", namespace="agents"), result([{"type": "input_text", "text": "noon"}])],
            [
                Message("assistant", "", {"tool_calls": [called("agents.clock", {"a": 1})]}),
                Message(
                    "tool",
                    "noon",
                    {"tool_call_id": "c1", "name": "agents.clock", "tool_name": "agents.clock"},
                ),
            ],
        ),
        (
            [
                {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "+x"},
                {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
            ],
            [
                Message("assistant", "", {"tool_calls": [called("patch", {"input": "+x"})]}),
                Message(
                    "tool", "ok", {"tool_call_id": "c1", "name": "patch", "tool_name": "patch"}
                ),
            ],
        ),
        (
            [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, USER],
            [Message("assistant", "No."), ASKED],
        ),
        ([result("lost", "c9")], [Message("tool", "lost", {"tool_call_id": "c9"})]),
    ],
)
def test_items_become_turns(items: list[dict[str, Any]], turns: list[Message]) -> None:
    assert messages_of(*items) == turns


def test_a_text_is_what_the_user_says_and_instructions_come_first() -> None:
    assert read(input="Hi").request.messages == (ASKED,)
    assert messages_of({"role": "developer", "content": "B"}, USER, instructions="A") == [
        Message("system", "A\n\nB"),
        ASKED,
    ]


@pytest.mark.parametrize(
    ("item", "error", "says"),
    [
        ({"type": "spell"}, InvalidRequest, r"input\[1\]\.type: 'spell' is not one of message"),
        ({}, InvalidRequest, r"input\[1\]\.type"),
        ({"role": "alien", "content": "x"}, InvalidRequest, r"input\[1\]\.role: 'alien'"),
        ({"role": "user"}, InvalidRequest, r"input\[1\]\.content is missing"),
        ({"type": "item_reference", "id": "msg_1"}, InvalidRequest, "no items are kept here"),
        (call("weather", "{not json"), InvalidRequest, "invalid tool call arguments"),
        (call("weather", "[1]"), InvalidRequest, "invalid tool call arguments"),
        (result(None), InvalidRequest, r"input\[1\]\.output is missing"),
        (
            {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
            InvalidRequest,
            "^file inputs are not currently supported$",
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y"}]},
            InvalidRequest,
            "image URLs are not currently supported",
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png,"}]},
            CapabilityMissing,
            "does not support vision",
        ),
        (
            {"role": "user", "content": [{"type": "video"}]},
            InvalidRequest,
            r"input\[1\]\.content\[0\]\.type: 'video'",
        ),
    ],
)
def test_items_that_cannot_be_used_are_named(
    item: dict[str, Any], error: type[InferenceError], says: str
) -> None:
    with pytest.raises(error, match=says):
        messages_of(USER, item)
