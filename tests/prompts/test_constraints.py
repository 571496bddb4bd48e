"""Grammars of calls: whatever they let through is a valid call of its format."""

from __future__ import annotations

import json

import pytest

from inference.errors import InvalidRequest
from inference.prompts.answers import answer_parser
from inference.prompts.arguments import checks_of
from inference.prompts.constraints import (
    MOST_FORCED_CALLS,
    after_thinking,
    call_grammar,
    calls_or,
)
from inference.prompts.schemas.compiling import grammar_of
from inference.prompts.thinking import Tags
from inference.prompts.tool_formats.hermes import HERMES
from inference.prompts.tool_formats.llama3 import LLAMA3
from inference.prompts.tool_formats.registry import FORMATS
from inference.requests import Grammar as RequestGrammar
from inference.requests import ToolCall, ToolChoice
from tests.prompts.conversations import ADD, TOOLS
from tests.prompts.ebnf_sampler import Grammar
from tests.prompts.schemas import OBJECTS

REQUIRED = ToolChoice("required")
THINK = Tags("<think>", "</think>")
UNHELD = {
    "type": "function",
    "function": {"name": "odd", "parameters": {"type": "object", "not": {"required": ["a"]}}},
}


def tool(name: str, schema: object) -> dict:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def answers(grammar: RequestGrammar | None, count: int = 40) -> list[str]:
    assert grammar is not None
    assert grammar.kind == "ebnf"
    sampler = Grammar(grammar.text)
    return [sampler.sample(seed) for seed in range(count)]


async def calls_in(answer: str, tool_format, tools) -> list[ToolCall]:
    parser = answer_parser(tool_format=tool_format, tags=None, checks=await checks_of(tools))
    events = parser.feed(answer) + parser.finish()
    assert all(isinstance(event, ToolCall) for event in events), (answer, events)
    return events


@pytest.mark.parametrize("tool_format", FORMATS, ids=lambda it: it.name)
async def test_a_required_call_is_a_valid_call_in_every_format(tool_format):
    tools = [tool(f"tool_{place}", schema) for place, schema in enumerate(OBJECTS.values())]
    grammar = call_grammar(tool_format, tools, REQUIRED)
    names = set()
    for answer in answers(grammar, 150):
        calls = await calls_in(answer, tool_format, tools)
        assert 1 <= len(calls) <= MOST_FORCED_CALLS
        assert [call.problem for call in calls] == [""] * len(calls)
        names.update(call.name for call in calls)
    assert len(names) > 10


async def test_only_the_named_tools_are_called():
    for answer in answers(call_grammar(HERMES, TOOLS, ToolChoice("required", ("add",)))):
        (call,) = await calls_in(answer, HERMES, TOOLS)
        assert call.name == "add"


@pytest.mark.parametrize(
    ("choice", "is_described", "most"),
    [
        (REQUIRED, False, MOST_FORCED_CALLS),
        (REQUIRED, True, 1),
        (ToolChoice("required", is_parallel=False), False, 1),
        (ToolChoice("required", ("add",)), False, 1),
        (ToolChoice("required", ("add", "get_weather")), False, MOST_FORCED_CALLS),
    ],
)
async def test_how_many_calls_there_may_be(choice, is_described, most):
    grammar = call_grammar(HERMES, TOOLS, choice, is_described=is_described)
    counts = {len(await calls_in(it, HERMES, TOOLS)) for it in answers(grammar, 60)}
    assert max(counts) == most
    assert min(counts) == 1


async def test_a_tool_without_arguments_gets_none():
    for parameters in (None, {}, {"type": "object", "properties": {}}):
        tools = [tool("stop", parameters)]
        grammar = call_grammar(HERMES, tools, ToolChoice("required", ("stop",)))
        (answer,) = set(answers(grammar))
        (call,) = await calls_in(answer, HERMES, tools)
        assert call.arguments == {}


def test_nothing_is_held_where_no_call_may_be_made():
    assert call_grammar(HERMES, TOOLS, ToolChoice("none")) is None
    assert call_grammar(HERMES, [], REQUIRED) is None


def test_free_calls_are_held_behind_their_opening():
    grammar = call_grammar(HERMES, TOOLS, ToolChoice("auto", is_parallel=False))
    assert grammar is not None
    form = json.loads(grammar.text)["format"]
    assert form["triggers"] == ["<tool_call>"]
    assert form["stop_after_first"]
    (tag,) = form["tags"]
    inner = Grammar(tag["content"]["grammar"]).sample(1)
    assert json.loads(inner)["name"] in ("add", "get_weather")


def test_free_calls_without_an_opening_cannot_be_held():
    assert call_grammar(LLAMA3, TOOLS, ToolChoice()) is None


def test_a_schema_that_cannot_be_held_matters_only_when_its_tool_is_required():
    with pytest.raises(InvalidRequest, match="the schema of 'odd' cannot be held: not: ") as caught:
        call_grammar(HERMES, [ADD, UNHELD], REQUIRED)
    assert caught.value.field == "tools"
    assert call_grammar(HERMES, [ADD, UNHELD], ToolChoice("required", ("add",))) is not None
    assert call_grammar(HERMES, [ADD, UNHELD], ToolChoice()) is not None


def test_a_choice_of_a_tool_that_is_not_there_is_refused():
    with pytest.raises(InvalidRequest, match="'subtract', which is not among the tools") as caught:
        call_grammar(HERMES, TOOLS, ToolChoice("required", ("subtract",)))
    assert caught.value.field == "tool_choice"


def test_reasoning_comes_before_what_is_held():
    inner = grammar_of({"type": "boolean"}, "format").grammar
    for is_open in (True, False):
        form = json.loads(after_thinking(inner, THINK, is_open=is_open).text)["format"]
        reasoning, space, answer = form["elements"]
        assert reasoning["begin"] == ("" if is_open else "<think>\n")
        assert reasoning["end"] == "</think>"
        assert space["value"] == "\n\n"
        assert answer == {"type": "grammar", "grammar": inner.text}


def test_an_answer_may_be_a_call_or_as_the_client_wants_it():
    inner = RequestGrammar("regex", "[0-9]+")
    form = json.loads(calls_or(inner, HERMES, TOOLS, ToolChoice()).text)["format"]
    assert [element["type"] for element in form["elements"]] == ["grammar", "regex"]
