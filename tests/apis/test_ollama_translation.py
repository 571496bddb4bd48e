"""What Ollama's bodies mean as requests: tables, no server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apis.calls import Call
from apis.ollama import models, translation
from apis.ollama.messages import read_messages
from apis.ollama.schemas import ChatBody, ChatMessage, CreateBody, GenerateBody
from apis.ollama.tools import read_tool_choice, read_tools
from apis.wishes import Asked
from inference.errors import InferenceError, InvalidRequest
from inference.prompts.capabilities import Insertion
from inference.requests import GenerationRequest, Message, Need, ToolChoice
from inference.snapshot import ModelInfo
from tests.inference.small_picture import picture

CALL = Call("POST", "/api/chat", "127.0.0.1", "", (), "")
ASKED = Asked("smollm2:135m")
PLAIN = replace(
    next(iter(picture(Path("folder")).models.values())),
    capabilities=("completion", "tools"),
    chat_template="{{ messages[0].content }}",
)
THINKER = replace(PLAIN, capabilities=("completion", "tools", "thinking"))
CODER = replace(
    PLAIN, capabilities=("completion", "insert"), insertion=Insertion("<p>", "<s>", "<m>")
)
PRESET = replace(
    PLAIN, system="Preset.", messages=(Message("user", "1"), Message("assistant", "2"))
)
SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
USER = [{"role": "user", "content": "hi"}]


def chat(model: ModelInfo = PLAIN, **fields: Any) -> GenerationRequest:
    body = ChatBody.model_validate({"model": "m", "messages": USER, **fields})
    translation.check_chat(body, model)
    return translation.chat_request(CALL, body, ASKED, model)


def generate(model: ModelInfo = PLAIN, **fields: Any) -> GenerationRequest:
    body = GenerateBody.model_validate({"model": "m", "prompt": "hi", **fields})
    translation.check_generate(body, model)
    return translation.generate_request(CALL, body, ASKED, model)


@pytest.mark.parametrize(
    ("model", "think", "wanted"),
    [
        (PLAIN, None, None),
        (PLAIN, False, False),
        (THINKER, None, True),
        (THINKER, "", True),
        (THINKER, True, True),
        (THINKER, False, False),
        (THINKER, "low", "low"),
        (THINKER, "max", "max"),
    ],
)
def test_a_model_that_can_think_does_unless_told_not_to(
    model: ModelInfo, think: Any, wanted: Any
) -> None:
    assert chat(model, think=think).think == wanted
    assert generate(model, think=think).think == wanted


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({}, ()),
        ({"truncate": False, "shift": False}, ()),
        ({"shift": True}, ("shift",)),
        ({"top_logprobs": 3}, ("top_logprobs",)),
        ({"logprobs": True}, ()),
        ({"options": {"num_keep": 4, "typical_p": 1.0}}, ("num_keep", "typical_p")),
    ],
)
def test_what_has_no_effect_is_named(fields: dict[str, Any], ignored: tuple[str, ...]) -> None:
    assert chat(**fields).ignored == ignored


@pytest.mark.parametrize(
    ("fields", "logprobs"),
    [
        ({}, None),
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 5}, 5),
        ({"top_logprobs": 5}, None),
    ],
)
def test_logprobs(fields: dict[str, Any], logprobs: int | None) -> None:
    request = chat(**fields)

    assert request.logprobs == logprobs
    assert (Need.LOGPROBS in request.needs) is (logprobs is not None)


@pytest.mark.parametrize(
    ("fields", "may"),
    [({}, True), ({"truncate": False}, False), ({"shift": False}, False), ({"shift": True}, True)],
)
def test_a_history_may_be_shortened_unless_the_client_forbids_it(
    fields: dict[str, Any], may: bool
) -> None:
    assert chat(**fields).may_drop_messages is may


def test_tools_keep_their_order_and_get_what_prompts_read() -> None:
    request = chat(tools=[{"function": {"name": "look", "description": None}}, *TOOLS])

    assert request.tools == (
        {
            "type": "function",
            "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
        },
        TOOLS[0],
    )
    assert list(request.tools[1]["function"]["parameters"]["properties"]) == ["b", "a"]
    assert Need.TOOLS in request.needs


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ({}, "tools[0].function: must be an object"),
        ({"type": "retrieval", "function": {"name": "x"}}, 'tools[0].type: must be "function"'),
        ({"function": {}}, "tools[0].function.name: must be a name"),
        ({"function": {"name": "x", "description": 5}}, "tools[0].function.description"),
        ({"function": {"name": "x", "parameters": []}}, "tools[0].function.parameters"),
    ],
)
def test_a_tool_that_is_none_is_refused(tool: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_tools([tool])
    assert refused.value.message.startswith(words)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required")),
        ("look", ToolChoice("required", ("look",))),
        ({"type": "function", "function": {"name": "look"}}, ToolChoice("required", ("look",))),
        ({"type": "tool", "name": "look"}, ToolChoice("required", ("look",))),
    ],
)
def test_a_tool_choice_is_taken_as_other_families_write_it(said: Any, choice: ToolChoice) -> None:
    assert read_tool_choice(said, TOOLS) == choice


@pytest.mark.parametrize(
    ("said", "tools", "words"),
    [
        ("required", [], "there are no tools"),
        ("hop", TOOLS, "there is no tool 'hop'"),
        ({"function": 5}, TOOLS, "must be"),
        (5, TOOLS, "must be"),
    ],
)
def test_a_tool_choice_that_means_nothing_is_refused(said: Any, tools: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_tool_choice(said, tools)


def turns(*messages: dict[str, Any]) -> list[Message]:
    return read_messages([ChatMessage.model_validate(message) for message in messages])


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {"z": 1, "a": 2}}, **more}


def test_results_find_their_calls_by_id_then_name_then_order() -> None:
    asked, *results = turns(
        {"role": "assistant", "tool_calls": [call("a"), call("b"), call("c", id="call_c")]},
        {"role": "tool", "content": "c", "tool_call_id": "call_c"},
        {"role": "tool", "content": "b", "tool_name": "b"},
        {"role": "tool", "content": "a"},
        {"role": "tool", "content": "nobody's", "tool_name": "x"},
    )

    calls = asked.extra["tool_calls"]
    ids = [one["id"] for one in calls]
    assert len(set(ids)) == 3
    assert calls[0] == {"id": ids[0], "type": "function", "function": call("a")["function"]}
    assert list(calls[0]["function"]["arguments"]) == ["z", "a"]
    assert [result.extra for result in results] == [
        {"name": "c", "tool_name": "c", "tool_call_id": "call_c"},
        {"name": "b", "tool_name": "b", "tool_call_id": ids[1]},
        {"name": "a", "tool_name": "a", "tool_call_id": ids[0]},
        {"name": "x", "tool_name": "x"},
    ]


def test_reasoning_comes_back_with_its_turn() -> None:
    (message,) = turns({"role": "Assistant", "content": "4", "thinking": "2+2"})

    assert (message.role, message.extra) == ("assistant", {"thinking": "2+2"})


@pytest.mark.parametrize(
    ("messages", "goes_on"),
    [
        (USER, False),
        ([*USER, {"role": "assistant", "content": "The answer is"}], True),
        ([*USER, {"role": "assistant", "content": " "}], False),
        ([*USER, {"role": "assistant", "content": "x", "tool_calls": [call("a")]}], False),
    ],
)
def test_an_answer_that_was_begun_is_gone_on_with(messages: Any, goes_on: bool) -> None:
    assert chat(messages=messages).continues_last_message is goes_on


@pytest.mark.parametrize(
    ("messages", "roles"),
    [
        (USER, ["Preset.", "1", "2", "hi"]),
        ([{"role": "system", "content": "Own."}, *USER], ["Own.", "1", "2", "hi"]),
    ],
)
def test_a_models_presets_begin_its_conversations(messages: Any, roles: list[str]) -> None:
    assert [message.content for message in chat(PRESET, messages=messages).messages or ()] == roles


@pytest.mark.parametrize(
    ("model", "fields", "contents"),
    [
        (PRESET, {}, ["Preset.", "1", "2", "hi"]),
        (PRESET, {"system": "Own."}, ["Own.", "1", "2", "hi"]),
        (PRESET, {"context": [1, 2]}, ["Preset.", "hi"]),
        (PLAIN, {"system": ""}, ["hi"]),
    ],
)
def test_a_prompt_becomes_a_conversation(
    model: ModelInfo, fields: dict[str, Any], contents: list[str]
) -> None:
    request = generate(model, **fields)

    assert [message.content for message in request.messages or ()] == contents
    assert request.prompt is None


def test_a_raw_prompt_goes_as_it_is() -> None:
    request = generate(CODER, raw=True, suffix="there")

    assert (request.messages, request.prompt) == (None, "hi")
    assert request.ignored == ("suffix",)


def test_a_suffix_goes_by_the_models_own_tokens() -> None:
    assert generate(CODER, suffix="there").prompt == "<p>hi<s>there<m>"
    assert generate(CODER, suffix="there", system="unused").ignored == ("system",)


def test_a_suffix_goes_by_the_template_that_takes_one() -> None:
    request = generate(template="{{ .Prompt }}[]{{ .Suffix }}", suffix="there", system="unused")

    assert request.messages == (Message("user", "hi"),)
    assert request.variables == {"suffix": "there"}
    assert request.ignored == ("system",)
    assert request.template is not None


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (PLAIN, {"suffix": "x"}, "registry.ollama.ai/library/smollm2:135m does not support insert"),
        (PLAIN, {"suffix": "x", "template": "{{ .Prompt }}"}, "does not support insert"),
        (PLAIN, {"images": ["aGk="]}, "does not support vision"),
        (PLAIN, {"think": True}, '"m" does not support thinking'),
        (THINKER, {"think": "hard"}, "think must be a boolean or one of"),
        (PLAIN, {"template": "{{ .Nope }}"}, "template: .Nope is not known"),
        (PLAIN, {"template": "{{ .Prompt }}" + "x" * 300_000}, "template: at most"),
        (PLAIN, {"raw": True, "template": "x"}, "raw mode does not support"),
    ],
)
def test_what_the_model_cannot_do_is_refused(
    model: ModelInfo, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InferenceError) as refused:
        generate(model, **fields)
    assert words in refused.value.message


def test_the_presets_of_a_new_model() -> None:
    body = CreateBody.model_validate(
        {
            "from": "x",
            "system": "S",
            "license": ["MIT", "", "BSD"],
            "parameters": {"temperature": 0, "num_ctx": 512, "mirostat": 1, "seed": None},
            "messages": [{"role": "user", "content": "1"}],
            "renderer": "qwen3",
        }
    )

    presets = models.read_presets(body)

    assert (presets.system, presets.template, presets.license) == ("S", None, "MIT\nBSD")
    assert presets.parameters == {"temperature": 0, "num_ctx": 512}
    assert presets.messages == (Message("user", "1"),)
    assert models.ignored_of(body) == ("renderer", "mirostat")


@pytest.mark.parametrize(
    ("path", "is_so"),
    [
        ("model.gguf", True),
        ("a/b.json", True),
        ("/a", False),
        ("../a", False),
        ("a/../../b", False),
        ("C:\\a", False),
        ("C:a", False),
        ("\\a", False),
        ("a\\b", False),
        ("", False),
        ("..", False),
    ],
)
def test_files_stay_below_their_folder(path: str, is_so: bool) -> None:
    assert models.is_relative(path) is is_so
