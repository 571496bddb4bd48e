"""Anthropic's bodies as the one internal request. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apis.anthropic.schemas import MessagesBody
from apis.anthropic.translation import check, messages_request
from apis.calls import Call
from apis.wishes import Asked
from inference.errors import CapabilityMissing, InferenceError, InvalidRequest
from inference.requests import GenerationRequest, Message, Need, ToolChoice
from inference.snapshot import ModelInfo
from tests.inference.small_picture import MODEL, picture

CALL = Call("POST", "/v1/messages", "127.0.0.1", "127.0.0.1", (), "")
PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
CALLED = {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "x"}}
THE_CALL = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": {"at": "x"}}}
RESULT = {"tool_call_id": "t1", "name": "look", "tool_name": "look"}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
FUNCTION = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}},
}


def model(folder: Path, **changes: Any) -> ModelInfo:
    facts = {"capabilities": ("completion",), "chat_template": "", **changes}
    return picture(folder, **facts).models[MODEL]


def translated(folder: Path, body: dict[str, Any], **changes: Any) -> GenerationRequest:
    least = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    read = MessagesBody.model_validate({**least, **body})
    check(read)
    return messages_request(CALL, read, Asked(MODEL), model(folder, **changes))


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


@pytest.mark.parametrize(
    ("turns", "messages", "ignored"),
    [
        ([("user", "hi")], [Message("user", "hi")], ()),
        (
            [("user", [text("a", cache_control={"type": "ephemeral"}), text("b")])],
            [Message("user", "ab")],
            (),
        ),
        (
            [("user", "hi"), ("system", [text("be brief")])],
            [Message("user", "hi"), Message("system", "be brief")],
            (),
        ),
        (
            [
                ("user", "hi"),
                ("assistant", [{"type": "thinking", "thinking": "hm", "signature": "s"}, CALLED]),
                (
                    "user",
                    [text("so?"), {"type": "tool_result", "tool_use_id": "t1", "content": "9"}],
                ),
            ],
            [
                Message("user", "hi"),
                Message("assistant", "", {"thinking": "hm", "tool_calls": [THE_CALL]}),
                Message("tool", "9", RESULT),
                Message("user", "so?"),
            ],
            (),
        ),
        (
            [
                ("assistant", [text("Let me see."), CALLED]),
                (
                    "user",
                    [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t1",
                            "content": [text("1"), text("2"), {"type": "image", "source": PNG}],
                        }
                    ],
                ),
            ],
            [
                Message("assistant", "Let me see.", {"tool_calls": [THE_CALL]}),
                Message("tool", "1\n2\n[an image, which this model cannot see]", RESULT),
            ],
            ("tool_result.image",),
        ),
        (
            [
                (
                    "user",
                    [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t9",
                            "content": "gone",
                            "is_error": True,
                        }
                    ],
                )
            ],
            [Message("tool", "Error: gone", {"tool_call_id": "t9"})],
            (),
        ),
        (
            [
                (
                    "assistant",
                    [
                        {
                            "type": "server_tool_use",
                            "id": "t1",
                            "name": "look",
                            "input": {"at": "x"},
                        },
                        {
                            "type": "web_search_tool_result",
                            "tool_use_id": "t1",
                            "content": [{"u": 1}],
                        },
                        text("Found."),
                    ],
                ),
                ("user", "Thanks."),
            ],
            [
                Message("assistant", "", {"tool_calls": [THE_CALL]}),
                Message("tool", '[{"u":1}]', RESULT),
                Message("assistant", "Found."),
                Message("user", "Thanks."),
            ],
            (),
        ),
        (
            [
                (
                    "user",
                    [
                        {"type": "document", "source": {"type": "text", "data": "a file"}},
                        {"type": "document", "source": {"type": "base64", "data": "JVBERi0="}},
                        {"type": "made up\r\n", "weight": 3},
                        {"type": "redacted_thinking", "data": "x"},
                    ],
                )
            ],
            [Message("user", "a file")],
            ("messages.content.document", "messages.content.unknown"),
        ),
    ],
)
def test_messages(
    tmp_path: Path,
    turns: list[tuple[str, Any]],
    messages: list[Message],
    ignored: tuple[str, ...],
) -> None:
    sent = [{"role": role, "content": content} for role, content in turns]

    request = translated(tmp_path, {"messages": sent})

    assert request.messages == tuple(messages)
    assert request.ignored == ignored
    assert not request.continues_last_message


@pytest.mark.parametrize(
    "system",
    [
        "Be brief.",
        [text("Be "), text("brief.")],
        [text("x-anthropic-billing-header: cc_version=2.1;"), text("Be brief.")],
    ],
)
def test_the_system_prompt_comes_first_and_in_the_place_of_the_models(
    tmp_path: Path, system: Any
) -> None:
    given = translated(tmp_path, {"system": system}, system="The model's own.")
    absent = translated(tmp_path, {}, system="The model's own.")

    assert given.messages == (Message("system", "Be brief."), Message("user", "hi"))
    assert absent.messages == (Message("system", "The model's own."), Message("user", "hi"))


def test_an_answer_that_the_client_began_is_gone_on_with(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "One, two"}]

    assert translated(tmp_path, {"messages": turns}).continues_last_message


@pytest.mark.parametrize(
    ("tools", "choice", "functions", "chosen", "ignored"),
    [
        ([TOOL], None, [FUNCTION], ToolChoice(), ()),
        ([{"type": "custom", **TOOL}], {"type": "auto"}, [FUNCTION], ToolChoice(), ()),
        (
            [TOOL],
            {"type": "any", "disable_parallel_tool_use": True},
            [FUNCTION],
            ToolChoice("required", is_parallel=False),
            (),
        ),
        (
            [TOOL],
            {"type": "tool", "name": "look"},
            [FUNCTION],
            ToolChoice("required", ("look",)),
            (),
        ),
        ([TOOL], {"type": "none"}, [FUNCTION], ToolChoice("none"), ()),
        ([], {"type": "auto"}, [], ToolChoice(), ()),
        (
            [{"type": "bash_20250124", "name": "bash"}, TOOL],
            None,
            [FUNCTION],
            ToolChoice(),
            ("tools.bash_20250124",),
        ),
    ],
)
def test_tools(
    tmp_path: Path,
    tools: list[Any],
    choice: Any,
    functions: list[Any],
    chosen: ToolChoice,
    ignored: tuple[str, ...],
) -> None:
    request = translated(tmp_path, {"tools": tools, "tool_choice": choice})

    assert list(request.tools) == functions
    assert request.tool_choice == chosen
    assert request.ignored == ignored
    assert (Need.TOOLS in request.needs) == (bool(functions) and chosen.mode != "none")


def test_a_web_search_is_a_function_of_one_query(tmp_path: Path) -> None:
    tool = {"type": "web_search_20260318", "name": "web_search", "max_uses": 5}

    (function,) = translated(tmp_path, {"tools": [tool]}).tools

    assert function["function"]["name"] == "web_search"
    assert function["function"]["parameters"]["required"] == ["query"]


@pytest.mark.parametrize(
    ("can_think", "template", "body", "think", "ignored"),
    [
        (False, "", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None, ("thinking",)),
        (False, "", {"thinking": {"type": "adaptive"}}, None, ()),
        (False, "", {"thinking": {"type": "disabled"}}, None, ()),
        (False, "", {"output_config": {"effort": "high"}}, None, ("output_config.effort",)),
        (True, "", {}, None, ()),
        (True, "", {"thinking": {"type": "adaptive"}}, None, ()),
        (
            True,
            "",
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            True,
            ("thinking.budget_tokens",),
        ),
        (True, "reasoning_effort", {"output_config": {"effort": "xhigh"}}, "high", ()),
        (True, "", {"output_config": {"effort": "max"}}, "max", ("output_config.effort",)),
        (
            True,
            "reasoning_effort",
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
            False,
            (),
        ),
    ],
)
def test_thinking(
    tmp_path: Path,
    can_think: bool,
    template: str,
    body: dict[str, Any],
    think: Any,
    ignored: tuple[str, ...],
) -> None:
    capabilities = ("completion", "thinking") if can_think else ("completion",)

    request = translated(tmp_path, body, capabilities=capabilities, chat_template=template)

    assert request.think == think
    assert request.ignored == ignored


@pytest.mark.parametrize("field", ["output_config", "output_format"])
def test_the_format_of_the_answer(tmp_path: Path, field: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}

    request = translated(tmp_path, {field: {"format": wanted} if "config" in field else wanted})

    assert request.schema is not None
    assert request.schema.schema == {"type": "object"}
    assert request.needs == {Need.SCHEMA}


def test_sampling_and_its_defaults(tmp_path: Path) -> None:
    """What the client leaves out is Ollama's; fields that change no answer pass without a word."""
    body = {
        "max_tokens": 10**12,
        "temperature": 0,
        "top_p": 0.5,
        "top_k": -1,
        "stop_sequences": ["END", ""],
        "metadata": {"user_id": "u"},
        "cache_control": {"type": "ephemeral"},
        "service_tier": "auto",
        "container": "c",
        "context_management": {"edits": []},
    }

    given, absent = translated(tmp_path, body), translated(tmp_path, {"stop_sequences": []})

    assert given.sampling.max_tokens == 2**31 - 1
    assert (given.sampling.temperature, given.sampling.top_p, given.sampling.top_k) == (0, 0.5, 0)
    assert given.sampling.stop == ("END",)
    assert given.ignored == ("container", "context_management")
    settled = absent.sampling.over(absent.defaults)
    assert (settled.temperature, settled.top_p, settled.top_k) == (0.8, 0.9, 40)
    assert absent.sampling.stop is None


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": ""}, "model is required"),
        ({"max_tokens": None}, "max_tokens is required and must be positive"),
        ({"max_tokens": 0}, "max_tokens is required and must be positive"),
        ({"messages": []}, "messages is required"),
        ({"messages": [{"role": "alien", "content": "x"}]}, "messages[0].role: 'alien' is not"),
        (user({"type": "text"}), "a text block without text"),
        (user({"type": "image", "source": {"type": "url", "url": "http://x"}}), "image URLs"),
        (user({"type": "image", "source": "x"}), "an image block without base64"),
        (user({"type": "tool_result", "content": "x"}), "tool_result without tool_use_id"),
        (user({"type": "tool_result", "tool_use_id": "t", "content": 5}), "a text or a list"),
        (user({"type": "tool_result", "tool_use_id": "t", "content": [5]}), "no block"),
        (assistant({"type": "tool_use", "name": "f"}), "tool_use without id"),
        (assistant({"type": "tool_use", "id": "t"}), "tool_use without name"),
        (assistant({"type": "tool_use", "id": "t", "name": "f", "input": "x"}), "an object"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name is required"),
        ({"tools": [{"name": "f", "input_schema": 5}]}, 'invalid input_schema for tool "f"'),
        ({"tool_choice": {"type": "any"}}, "there are no tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "some"}}, "tool_choice.type must be one of"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name is required"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort must be one of"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_format": {"type": "json_schema"}}, "output_format.schema must be an object"),
        ({"temperature": -1}, "temperature must not be negative"),
        ({"stop_sequences": ["x"] * 65}, "stop_sequences: at most"),
    ],
)
def test_refused(tmp_path: Path, body: dict[str, Any], words: str) -> None:
    with pytest.raises(InferenceError) as refused:
        translated(tmp_path, body)

    assert isinstance(refused.value, InvalidRequest)
    assert words in refused.value.message


def test_a_picture_is_refused_by_a_model_that_cannot_see(tmp_path: Path) -> None:
    with pytest.raises(CapabilityMissing, match="does not support vision"):
        translated(tmp_path, user({"type": "image", "source": PNG}))
