"""From OpenAI's bodies to the internal request, as tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apis.calls import Call
from apis.openai.completions_translation import completion_requests, read_prompts
from apis.openai.messages import LEGACY_ID
from apis.openai.schemas import ChatBody, CompletionBody
from apis.openai.tools import Offer, read_offer
from apis.openai.translation import chat_request
from apis.wishes import Asked
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import GenerationRequest, Message, Need, ToolChoice
from inference.snapshot import ModelInfo
from tests.inference.small_picture import MODEL, picture

USER = {"role": "user", "content": "hi"}
CALL = Call("POST", "/v1/chat/completions", "127.0.0.1", "127.0.0.1", (), "")
PLAIN = picture(Path(), chat_template="{{ messages }}").models[MODEL]
SWITCHED = replace(PLAIN, chat_template="{{ messages }}{{ enable_thinking }}<think></think>")
LEVELLED = replace(PLAIN, chat_template="{{ messages }}{{ reasoning_effort }}{{ documents }}")

WEATHER = {
    "name": "get_weather",
    "description": "Get the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
WEATHER_TOOL = {"type": "function", "function": WEATHER}
TIME = {"name": "get_time", "parameters": {"type": "object", "properties": {}}}
TIME_TOOL = {"type": "function", "function": TIME}
BOTH = [{**WEATHER_TOOL, "function": {**WEATHER, "strict": True}}, TIME_TOOL]


def chat(model: ModelInfo = PLAIN, **body: Any) -> GenerationRequest:
    """The internal request of a body with these fields."""
    read = ChatBody.model_validate({"model": MODEL, "messages": [USER], **body})
    return chat_request(CALL, read, Asked(MODEL), model, read_offer(read))


def completion(**body: Any) -> list[GenerationRequest]:
    """The internal requests of a body with these fields."""
    read = CompletionBody.model_validate({"model": MODEL, "prompt": "x", **body})
    return completion_requests(CALL, read, Asked(MODEL), read_prompts(read.prompt, PLAIN))


def named(choice: Any, **more: Any) -> dict[str, Any]:
    return {"tools": BOTH, "tool_choice": choice, **more}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


OFFERED = (WEATHER_TOOL, TIME_TOOL)


@pytest.mark.parametrize(
    ("body", "offer"),
    [
        ({}, Offer()),
        ({"tools": []}, Offer()),
        ({"tool_choice": "auto"}, Offer()),
        ({"tools": BOTH}, Offer(OFFERED)),
        (named("auto"), Offer(OFFERED)),
        (named("none"), Offer(OFFERED, ToolChoice("none"))),
        (named("required"), Offer(OFFERED, ToolChoice("required"))),
        (
            named("required", parallel_tool_calls=False),
            Offer(OFFERED, ToolChoice("required", is_parallel=False)),
        ),
        (
            named({"type": "function", "function": {"name": "get_time"}}),
            Offer(OFFERED, ToolChoice("required", ("get_time",))),
        ),
        (named(allowed("auto", "get_time")), Offer((TIME_TOOL,))),
        (
            named(allowed("required", "get_time", "get_weather")),
            Offer(OFFERED, ToolChoice("required")),
        ),
        (
            {"functions": [WEATHER, TIME]},
            Offer(OFFERED, ToolChoice(is_parallel=False), is_legacy=True),
        ),
        (
            {"functions": [WEATHER], "function_call": {"name": "get_weather"}},
            Offer(
                (WEATHER_TOOL,),
                ToolChoice("required", ("get_weather",), is_parallel=False),
                is_legacy=True,
            ),
        ),
        (
            {"tools": [{"function": {"name": "now"}}]},
            Offer(({"type": "function", "function": {"name": "now", "parameters": {
                "type": "object", "properties": {}}}},)),
        ),
    ],
)  # fmt: skip
def test_tools_and_the_choice_among_them(body: dict[str, Any], offer: Offer) -> None:
    assert read_offer(ChatBody.model_validate(body)) == offer


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        (named("always"), "tool_choice"),
        (named({"type": "function", "function": {"name": "get_tme"}}), "tool_choice"),
        (named({"type": "function"}), "tool_choice"),
        (named(allowed("maybe", "get_time")), "tool_choice"),
        (named(allowed("auto", "get_tme")), "tool_choice"),
        (named({"type": "custom", "custom": {"name": "x"}}), "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [TIME_TOOL, {"function": {"name": ""}}]}, "tools[1].function.name"),
        (
            {"tools": [{"function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        ({"functions": [{"parameters": {}}]}, "functions[0].name"),
        ({"functions": [TIME], "function_call": "get_time"}, "function_call"),
        ({"functions": [TIME], "function_call": {"name": "other"}}, "function_call"),
    ],
)
def test_tools_that_cannot_be_offered_are_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_offer(ChatBody.model_validate(body))

    assert refused.value.field == field


def called(arguments: Any, call_id: str = "c1") -> dict[str, Any]:
    return {
        "id": call_id, "type": "function", "function": {"name": "f", "arguments": arguments},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "role", "content", "extra"),
    [
        ({"role": "developer", "content": "Brief."}, "system", "Brief.", {}),
        (
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "22"}]},
            "tool",
            "22",
            {"tool_call_id": "c1", "name": "f", "tool_name": "f"},
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [called('{"a": [1]}')]},
            "assistant",
            "",
            {"tool_calls": [called({"a": [1]})]},
        ),
        (
            {"role": "assistant", "content": "Well.", "tool_calls": [called({"a": 1})]},
            "assistant",
            "Well.",
            {"tool_calls": [called({"a": 1})]},
        ),
        (
            {"role": "assistant", "tool_calls": [called("")]},
            "assistant",
            "",
            {"tool_calls": [called({})]},
        ),
        (
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            "assistant",
            "",
            {"tool_calls": [called({}, LEGACY_ID)]},
        ),
        (
            {"role": "function", "name": "f", "content": "22"},
            "tool",
            "22",
            {"name": "f", "tool_name": "f", "tool_call_id": LEGACY_ID},
        ),
        (
            {"role": "assistant", "content": "5.", "reasoning_content": "2 + 3"},
            "assistant",
            "5.",
            {"thinking": "2 + 3"},
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            "assistant",
            "No.",
            {},
        ),
    ],
)
def test_messages(message: dict[str, Any], role: str, content: str, extra: dict[str, Any]) -> None:
    first = {"role": "assistant", "content": None, "tool_calls": [called("{}")]}

    (*_, read) = chat(messages=[USER, first, message]).messages or ()

    assert read == Message(role, content, extra)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"role": "assistant", "tool_calls": [called("[1]")]}, InvalidRequest),
        ({"role": "assistant", "tool_calls": [called("{")]}, InvalidRequest),
        ({"role": "assistant", "content": None}, InvalidRequest),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, InvalidRequest),
        ({"role": "user", "content": [{"type": "input_audio"}]}, CapabilityMissing),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
            CapabilityMissing,
        ),
    ],
)
def test_messages_that_cannot_be_read(message: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        chat(messages=[message])


@pytest.mark.parametrize(
    ("model", "body", "think", "ignored"),
    [
        (PLAIN, {}, None, ()),
        (PLAIN, {"reasoning_effort": ""}, None, ()),
        (PLAIN, {"reasoning_effort": "none"}, "none", ()),
        (PLAIN, {"reasoning_effort": "low"}, "low", ("reasoning_effort",)),
        (LEVELLED, {"reasoning_effort": "low"}, "low", ()),
        (LEVELLED, {"reasoning": {"effort": "high"}}, "high", ()),
        (SWITCHED, {"reasoning": {"effort": "high"}}, "high", ("reasoning.effort",)),
        (SWITCHED, {"reasoning": {"summary": "auto"}}, None, ("reasoning.summary",)),
        (SWITCHED, {"chat_template_kwargs": {"enable_thinking": False}}, False, ()),
        (SWITCHED, {"chat_template_kwargs": {"style": "x"}}, None, ("chat_template_kwargs",)),
        (SWITCHED, {"documents": [{"text": "x"}]}, None, ("documents",)),
        (LEVELLED, {"documents": [{"text": "x"}]}, None, ()),
    ],
)
def test_reasoning_and_what_the_template_reads(
    model: ModelInfo, body: dict[str, Any], think: Any, ignored: tuple[str, ...]
) -> None:
    request = chat(model, **body)

    assert (request.think, request.ignored) == (think, ignored)
    assert request.variables == body.get("chat_template_kwargs", {})
    assert request.documents == tuple(body.get("documents", ()))


@pytest.mark.parametrize(
    ("body", "logprobs", "ignored"),
    [
        ({}, None, ()),
        ({"logprobs": True}, 0, ()),
        ({"logprobs": True, "top_logprobs": 0}, 0, ()),
        ({"logprobs": True, "top_logprobs": 1, "temperature": 0}, 1, ()),
        ({"logprobs": True, "top_logprobs": 1}, 1, ("top_logprobs",)),
        ({"top_logprobs": 3, "temperature": 0}, 3, ("top_logprobs",)),
    ],
)
def test_log_probabilities_and_the_alternatives_that_are_not_known(
    body: dict[str, Any], logprobs: int | None, ignored: tuple[str, ...]
) -> None:
    request = chat(**body)

    assert (request.logprobs, request.ignored) == (logprobs, ignored)
    assert (Need.LOGPROBS in request.needs) == (logprobs is not None)


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        ({"logit_bias": {}, "store": False, "service_tier": "auto"}, ()),
        ({"user": "bo", "metadata": {"a": "b"}, "prompt_cache_key": "k"}, ()),
        ({"logit_bias": {"5": 1}, "store": True}, ("logit_bias", "store")),
        ({"service_tier": "flex", "verbosity": "low"}, ("verbosity", "service_tier")),
        ({"guided_json": {}, "made_up": None, "bad\r\nname: x": 1}, ("guided_json",)),
        ({"add_generation_prompt": False}, ("add_generation_prompt",)),
        ({"add_generation_prompt": False, "continue_final_message": True}, ()),
        ({"stream_options": {"include_usage": True}, "parallel_tool_calls": True}, ()),
    ],
)
def test_fields_without_effect_are_told(body: dict[str, Any], ignored: tuple[str, ...]) -> None:
    assert chat(**body).ignored == ignored


def test_a_chat_may_go_on_with_its_last_message() -> None:
    assert chat(continue_final_message=True).continues_last_message
    assert not chat().continues_last_message


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("Once", [("Once", ())]),
        (["a", "b"], [("a", ()), ("b", ())]),
        ([1, 2], [("", (1, 2))]),
        ([[1], [2, 3]], [("", (1,)), ("", (2, 3))]),
        (["a", [1]], [("a", ()), ("", (1,))]),
    ],
)
def test_every_form_of_a_prompt(prompt: Any, read: list[tuple[str, tuple[int, ...]]]) -> None:
    requests = completion(prompt=prompt)

    assert [(one.prompt, one.context_ids) for one in requests] == read
    assert {one.messages for one in requests} == {None}
    assert {one.sampling.over(one.defaults).max_tokens for one in requests} == {16}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", ""]}, "prompt"),
        ({"prompt": [True]}, "prompt[0]"),
        ({"prompt": ["a", 5]}, "prompt[1]"),
        ({"prompt": [49152]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": ["a"] * 101}, "prompt"),
        ({"prompt": [1], "suffix": "b"}, "suffix"),
        ({"n": 2, "best_of": 1}, "best_of"),
        ({"logprobs": 21}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_completions_that_cannot_be_made_name_the_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        completion(**body)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        ({"user": "bo", "best_of": 1, "logprobs": 0}, ()),
        ({"logprobs": 1, "temperature": 0}, ()),
        ({"logprobs": 5, "temperature": 0}, ("logprobs: alternatives",)),
        ({"logprobs": 0, "echo": True}, ("logprobs: of the prompt",)),
        ({"best_of": 3, "logit_bias": {"5": 1}}, ("logit_bias", "best_of")),
    ],
)
def test_what_completions_cannot_tell(body: dict[str, Any], ignored: tuple[str, ...]) -> None:
    (request,) = completion(**body)

    assert request.ignored == ignored
