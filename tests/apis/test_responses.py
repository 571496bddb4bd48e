"""Bodies of the Responses API as tools and parameters."""

from __future__ import annotations

from typing import Any

import pytest

from apis.calls import Call
from apis.openai.parameters import DEFAULTS
from apis.openai.responses.schemas import ResponsesBody
from apis.openai.responses.translation import Wanted, read_body
from apis.wishes import Asked
from inference.errors import InvalidRequest
from inference.requests import ANY_OBJECT, Need, Sampling, ToolChoice
from tests.apis.test_dry_run import model

CALL = Call("POST", "/v1/responses", "", "", (), "")
USER = {"role": "user", "content": "Hi"}
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    "strict": False,
}
CLOCK = {"type": "function", "name": "clock"}
AGENTS = {"type": "namespace", "name": "agents", "description": "", "tools": [CLOCK]}
PATCH = {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark"}}


def read(*, capabilities: tuple[str, ...] = ("completion",), **body: Any) -> Wanted:
    wanted = ResponsesBody.model_validate({"model": "tiny:1m", "input": "Hi", **body})
    return read_body(
        CALL, wanted, Asked("tiny:1m"), model(capabilities=capabilities, preset=Sampling())
    )


def ignored_by(**body: Any) -> list[str]:
    return list(read(**body).request.ignored)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"truncation": "some"}, "truncation"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "long"}}, "reasoning.summary"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{**AGENTS, "tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "weather"}}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        (
            {"tools": [WEATHER, {"type": "web_search"}], "tool_choice": {"type": "web_search"}},
            "tool_choice",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(**body)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("wanted", "choice"),
    [
        (None, ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "weather"}, ToolChoice("required", ("weather",))),
        (
            {"type": "function", "function": {"type": "function", "name": "weather"}},
            ToolChoice("required", ("weather",)),
        ),
        ({"type": "function", "name": "clock"}, ToolChoice("required", ("agents.clock",))),
        (
            {"type": "function", "name": "clock", "namespace": "agents"},
            ToolChoice("required", ("agents.clock",)),
        ),
        ({"type": "custom", "name": "patch"}, ToolChoice("required", ("patch",))),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "weather"}, {"type": "web_search"}],
            },
            ToolChoice("auto", ("weather",)),
        ),
    ],
)
def test_every_choice_of_tools_is_understood(wanted: Any, choice: ToolChoice) -> None:
    tools = [WEATHER, AGENTS, PATCH, {"type": "web_search"}]

    request = read(tools=tools, tool_choice=wanted).request

    assert request.tool_choice == choice
    assert (Need.TOOLS in request.needs) == (choice.mode != "none")


def test_tools_are_one_flat_list_to_the_model_and_echoed_as_they_came() -> None:
    wanted = read(tools=[WEATHER, AGENTS, PATCH], parallel_tool_calls=False)

    functions = [tool["function"] for tool in wanted.request.tools]
    assert [function["name"] for function in functions] == ["weather", "agents.clock", "patch"]
    assert functions[0]["parameters"] == WEATHER["parameters"]
    assert functions[1]["parameters"] == {"type": "object", "properties": {}}
    assert wanted.request.tool_choice == ToolChoice(is_parallel=False)
    assert wanted.echo["tools"] == [
        WEATHER,
        {
            **AGENTS,
            "tools": [{**CLOCK, "description": None, "parameters": None, "strict": True}],
        },
        {"type": "custom", "name": "patch", "description": None, "format": {"type": "text"}},
    ]
    assert wanted.echo["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, []),
        ({"store": False, "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}}, []),
        (
            {"tools": [{"type": "web_search"}, {"type": "web_search"}, {"type": "mcp"}]},
            ["tools: web_search", "tools: mcp"],
        ),
        ({"tools": [PATCH]}, ["tools[0].format"]),
        ({"store": True, "truncation": "auto"}, ["truncation", "store"]),
        ({"text": {"verbosity": "low"}}, ["text.verbosity"]),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, ["reasoning.effort"]),
        ({"reasoning": {"effort": "none"}}, []),
        ({"top_logprobs": 2}, ["top_logprobs"]),
        ({"include": ["file_search_call.results"]}, ["include: file_search_call.results"]),
        ({"service_tier": "flex"}, ["service_tier"]),
        ({"max_tokens": 5, "logit_bias": {"1": 5}}, ["max_tokens", "logit_bias"]),
        ({"tools": [{"type": "a\nb: é"}]}, ["tools: a_b___"]),
        (
            {"input": [USER, {"type": "web_search_call", "id": "ws_1", "action": {}}]},
            ["input: web_search_call"],
        ),
    ],
)
def test_what_has_no_effect_is_reported(body: dict[str, Any], names: list[str]) -> None:
    assert ignored_by(**body) == names


def test_where_only_some_tools_may_be_called_the_model_is_told_of_no_others() -> None:
    named = {"type": "function", "name": "clock"}
    only = {"type": "allowed_tools", "mode": "auto", "tools": [named]}

    request = read(tools=[WEATHER, CLOCK], tool_choice=only).request

    assert [tool["function"]["name"] for tool in request.tools] == ["clock"]


def test_what_is_left_out_is_as_in_chat_completions() -> None:
    assert read().request.defaults == DEFAULTS


@pytest.mark.parametrize(
    ("reasoning", "think"),
    [
        (None, None),
        ({}, None),
        ({"summary": "auto"}, None),
        ({"effort": "none"}, False),
        ({"effort": "low"}, "low"),
        ({"effort": "xhigh"}, "xhigh"),
    ],
)
def test_effort_is_how_much_to_think(reasoning: Any, think: Any) -> None:
    request = read(reasoning=reasoning, capabilities=("completion", "thinking")).request

    assert request.think == think
    assert request.ignored == ()


def test_formats_hold_the_answer() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    wanted = {"type": "json_schema", "name": "x", "schema": schema, "strict": True}

    held = read(text={"format": wanted})
    loose = read(text={"format": {"type": "json_object"}})

    assert held.request.schema is not None
    assert (held.request.schema.schema, held.request.schema.field) == (schema, "text.format.schema")
    assert held.request.needs == {Need.SCHEMA}
    assert held.echo["text"] == {"format": {**wanted, "description": None}}
    assert loose.request.schema is not None
    assert loose.request.schema.schema == ANY_OBJECT
    assert read(text={"format": {"type": "text"}}).request.schema is None


def test_sampling_and_its_echo_are_the_values_in_force() -> None:
    wanted = read(
        max_output_tokens=7, top_p=0.5, seed=3, stop="x", frequency_penalty=0.25, top_k=-1
    )

    assert wanted.request.sampling == Sampling(
        max_tokens=7, top_p=0.5, seed=3, stop=("x",), frequency_penalty=0.25, top_k=0
    )
    assert (wanted.echo["temperature"], wanted.echo["top_p"]) == (1.0, 0.5)
    assert (wanted.echo["max_output_tokens"], wanted.echo["frequency_penalty"]) == (7, 0.25)


@pytest.mark.parametrize(
    ("body", "logprobs"),
    [
        ({}, None),
        ({"include": ["message.output_text.logprobs"]}, 0),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 3}, 3),
        ({"top_logprobs": 3}, 3),
        ({"top_logprobs": 0}, None),
    ],
)
def test_logprobs_are_asked_for_in_two_ways(body: dict[str, Any], logprobs: int | None) -> None:
    assert read(**body).request.logprobs == logprobs
