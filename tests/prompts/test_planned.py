"""A whole request: prompt, grammar and parser that belong together."""

from __future__ import annotations

import json

import pytest

from inference.errors import InvalidRequest
from inference.prompts.answers import PlainText
from inference.prompts.capabilities import (
    calls_tools_natively,
    capabilities_of,
    insertion_of,
    template_shown,
)
from inference.prompts.planned import plan_prompt
from inference.prompts.schemas.compiling import grammar_of
from inference.requests import TextDelta, ThinkingDelta, ToolCall, ToolChoice
from tests.prompts.conversations import FAMILIES, QUESTION, TOOLS, template_of

BOOLEAN = grammar_of({"type": "boolean"}, "format").grammar
OPENED = "{{ messages[0].content }}<think>\n"


async def test_a_plain_request_is_neither_held_nor_looked_at():
    planned = await plan_prompt(QUESTION, template_of("smollm2"))
    assert planned.grammar is None
    assert isinstance(planned.new_parser(), PlainText)


async def test_tools_that_may_not_be_called_cost_nothing():
    planned = await plan_prompt(
        QUESTION, template_of("smollm2"), tools=TOOLS, choice=ToolChoice("none")
    )
    assert planned.grammar is None
    assert isinstance(planned.new_parser(), PlainText)


async def test_the_grammar_of_a_model_that_does_not_reason_is_the_clients():
    planned = await plan_prompt(QUESTION, template_of("smollm2"), grammar=BOOLEAN)
    assert planned.grammar == BOOLEAN


@pytest.mark.parametrize(
    ("template", "think", "begin"),
    [
        (template_of("qwen3"), True, "<think>\n"),
        (template_of("qwen3"), None, "<think>\n"),
        (OPENED, None, ""),
        (template_of("granite3"), "high", "<think>\n"),
        (template_of("granite3"), None, None),
        (template_of("qwen3"), False, None),
        (OPENED, False, None),
    ],
)
async def test_a_reasoning_model_reasons_before_it_is_held(template, think, begin):
    planned = await plan_prompt(QUESTION, template, grammar=BOOLEAN, think=think)
    assert planned.grammar is not None
    if begin is None:
        assert planned.grammar == BOOLEAN
        assert not planned.is_thinking
    else:
        first = json.loads(planned.grammar.text)["format"]["elements"][0]
        assert first["begin"] == begin
        assert planned.is_thinking == (begin == "")


async def test_a_call_may_stand_where_the_client_wants_json():
    planned = await plan_prompt(QUESTION, template_of("smollm2"), tools=TOOLS, grammar=BOOLEAN)
    form = json.loads(planned.grammar.text)["format"]
    assert form["type"] == "or"
    assert form["elements"][1]["grammar"] == BOOLEAN.text


async def test_required_calls_are_held_whatever_else_the_client_wants():
    planned = await plan_prompt(
        QUESTION,
        template_of("smollm2"),
        tools=TOOLS,
        choice=ToolChoice("required"),
        grammar=BOOLEAN,
    )
    assert planned.grammar.kind == "ebnf"
    assert "<tool_call>" in planned.grammar.text


async def test_the_parser_reads_what_the_prompt_asks_for():
    planned = await plan_prompt(QUESTION, OPENED, tools=TOOLS)
    parser = planned.new_parser()
    answer = 'so</think>\n\nYes. <tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'
    events = parser.feed(answer) + parser.finish()
    problem = "arguments: 'b' is a required property"
    assert events == [
        ThinkingDelta("so"),
        TextDelta("Yes."),
        ToolCall(0, "add", {"a": 1}, problem),
    ]


async def test_a_tool_whose_schema_is_none_is_refused_by_its_name():
    broken = {"type": "function", "function": {"name": "x", "parameters": {"type": "strnig"}}}
    with pytest.raises(InvalidRequest, match='invalid input_schema for tool "x"') as caught:
        await plan_prompt(QUESTION, template_of("smollm2"), tools=[broken])
    assert caught.value.field == "tools"


async def test_a_reference_in_a_tools_schema_is_never_fetched():
    parameters = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/x.json"}}}
    remote = {"type": "function", "function": {"name": "x", "parameters": parameters}}
    planned = await plan_prompt(QUESTION, template_of("smollm2"), tools=[remote])
    assert "cannot be applied" in planned.checks.find_problem("x", {"a": 1})


async def test_a_pattern_in_a_tools_schema_cannot_hold_the_server_up():
    parameters = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    slow = {"type": "function", "function": {"name": "x", "parameters": parameters}}
    planned = await plan_prompt(QUESTION, template_of("smollm2"), tools=[slow])
    assert planned.checks.find_problem("x", {"a": "a" * 60 + "!"}) == ""


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("smollm2", ("completion", "tools")),
        ("qwen3", ("completion", "tools", "thinking")),
        ("granite3", ("completion", "tools", "thinking")),
        ("gemma3", ("completion", "tools")),
    ],
)
def test_the_template_tells_what_a_model_can_do(family, expected):
    assert capabilities_of(template_of(family)) == expected


def test_a_coder_with_the_right_tokens_can_fill_in():
    tokens = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    assert "insert" in capabilities_of("", name="qwen2.5-coder:7b", vocabulary=tokens)
    assert "insert" not in capabilities_of("", name="qwen2.5:7b", vocabulary=tokens)
    assert capabilities_of("") == ("completion",)
    insertion = insertion_of("qwen2.5-coder", tokens)
    assert insertion.prompt("a(", ")") == "<|fim_prefix|>a(<|fim_suffix|>)<|fim_middle|>"


def test_every_template_is_shown_with_the_word_that_clients_look_for():
    for family in FAMILIES:
        assert "tools" in template_shown(template_of(family))
    assert template_shown(template_of("qwen3")) == template_of("qwen3")
    assert template_shown("") == ""


def test_which_models_were_taught_to_call_tools():
    native = [family for family in FAMILIES if calls_tools_natively(template_of(family))]
    assert native == [
        "granite3", "granite4", "llama3", "mistral", "mistral_named", "phi4mini", "qwen25", "qwen3",
    ]  # fmt: skip
    assert not calls_tools_natively("{% if %}")
