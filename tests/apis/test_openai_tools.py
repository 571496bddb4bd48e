"""Calls of tools through the official `openai` package: forced ones work with any text model."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.apis.conftest import MODEL
from tests.apis.sdk_types import body_of, events_of, strictly

QUESTION = {"role": "user", "content": "What is the weather in Paris?"}


def tool(name: str, **properties: Any) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


WEATHER = tool(
    "get_weather",
    location={"type": "string", "maxLength": 20},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
TIME = tool("get_time", zone={"type": "string", "enum": ["utc", "cet"]})


def ask(sdk: openai.OpenAI, *messages: Any, **more: Any) -> str:
    """The body of the answer to the question and these messages."""
    body = {"model": MODEL, "max_tokens": 100, "temperature": 0, "tools": [WEATHER, TIME], **more}
    return body_of(
        sdk.chat.completions.with_raw_response.create(messages=[QUESTION, *messages], **body)
    )


def assert_is_weather(arguments: str) -> None:
    read = json.loads(arguments)
    assert set(read) == {"location", "unit"}
    assert isinstance(read["location"], str)
    assert read["unit"] in ("celsius", "fahrenheit")


def test_a_required_call_comes_whole_and_fits_its_schema(sdk: openai.OpenAI) -> None:
    (choice,) = strictly(ChatCompletion, ask(sdk, tool_choice="required")).choices

    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls or ()
    assert call.type == "function"
    assert call.id.startswith("call_")
    if call.function.name == "get_weather":
        assert_is_weather(call.function.arguments)
    else:
        assert json.loads(call.function.arguments)["zone"] in ("utc", "cet")


@pytest.mark.parametrize("name", ["get_time", "get_weather"])
def test_a_named_function_is_called_and_ends_as_with_openai(sdk: openai.OpenAI, name: str) -> None:
    choice = {"type": "function", "function": {"name": name}}

    (answer,) = strictly(ChatCompletion, ask(sdk, tool_choice=choice)).choices

    (call,) = answer.message.tool_calls or ()
    assert call.type == "function"
    assert call.function.name == name
    assert answer.finish_reason == "stop"


def test_a_call_is_streamed_and_its_result_is_answered(sdk: openai.OpenAI) -> None:
    streamed = ask(sdk, tools=[WEATHER], tool_choice="required", stream=True)
    choices = [strictly(ChatCompletionChunk, data).choices[0] for data in events_of(streamed)]
    pieces = [piece for choice in choices for piece in choice.delta.tool_calls or ()]
    functions = [piece.function for piece in pieces if piece.function]

    assert {piece.index for piece in pieces} == {0}
    assert [bool(piece.id) for piece in pieces] == [True, *[False] * (len(pieces) - 1)]
    assert functions[0].name == "get_weather"
    arguments = "".join(function.arguments or "" for function in functions)
    assert_is_weather(arguments)
    assert choices[-1].finish_reason == "tool_calls"

    call = {
        "id": pieces[0].id,
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    }
    second = ask(
        sdk,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": pieces[0].id, "content": "22 degrees, sunny"},
        tools=[WEATHER],
        tool_choice="none",
        max_tokens=8,
    )
    (answer,) = strictly(ChatCompletion, second).choices
    assert answer.message.content
    assert answer.message.tool_calls is None


def test_only_the_allowed_tools_are_called(sdk: openai.OpenAI) -> None:
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [{"type": "function", "function": {"name": "get_time"}}],
        },
    }

    (answer,) = strictly(ChatCompletion, ask(sdk, tool_choice=allowed)).choices

    (call,) = answer.message.tool_calls or ()
    assert call.type == "function"
    assert call.function.name == "get_time"


def test_clients_from_before_tools_get_a_function_call(sdk: openai.OpenAI) -> None:
    answer = ask(
        sdk,
        tools=openai.omit,
        functions=[WEATHER["function"]],
        function_call={"name": "get_weather"},
    )

    (choice,) = strictly(ChatCompletion, answer).choices

    assert choice.message.function_call
    assert_is_weather(choice.message.function_call.arguments)


def test_a_tool_that_no_call_can_fit_is_named(sdk: openai.OpenAI) -> None:
    odd = tool("odd", value={"not": {"type": "string"}})

    with pytest.raises(openai.BadRequestError, match="odd") as refused:
        ask(sdk, tools=[odd], tool_choice="required")

    assert refused.value.param == "tools"
