"""The rest of a constrained answer: held as it would have been, from wherever it goes on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from inference.held_answer import HeldAnswer
from inference.prompts.constraints import after_thinking, call_grammar, calls_or
from inference.prompts.continuing import grammar_behind, grammar_out_of_loop
from inference.prompts.schemas.compiling import grammar_of
from inference.prompts.schemas.remaining import NoRemainder, remaining_grammar
from inference.prompts.thinking import Tags
from inference.prompts.tool_formats.hermes import HERMES
from inference.requests import Grammar, ToolChoice
from tests.prompts import ebnf_sampler
from tests.prompts.conversations import TOOLS
from tests.prompts.schemas import OBJECTS, closed

THINK = Tags("<think>", "</think>")
BOOLEAN = grammar_of({"type": "boolean"}, "format").grammar
CALL = '{"name": "add", "arguments": {"a": 1, "b": 2}}'


def form_of(grammar: Grammar) -> dict:
    return json.loads(grammar.text)["format"]


@settings(max_examples=150)
@given(name=st.sampled_from(list(OBJECTS)), seed=st.integers(0, 10_000), part=st.floats(0, 1))
def test_an_answer_begun_under_a_grammar_ends_as_the_schema_says(name, seed, part):
    grammar = grammar_of(OBJECTS[name], "format").grammar.text
    whole = ebnf_sampler.Grammar(grammar).sample(seed)
    begun = whole[: round(len(whole) * part)]

    rest = remaining_grammar(grammar, begun)

    remaining_grammar(rest, whole[len(begun) :])
    other = ebnf_sampler.Grammar(rest).sample(seed + 1)
    Draft202012Validator(OBJECTS[name]).validate(json.loads(begun + other))


def test_a_text_that_the_grammar_would_not_make_has_no_rest():
    with pytest.raises(NoRemainder):
        grammar_behind(BOOLEAN, "tri")
    with pytest.raises(NoRemainder):
        grammar_behind(Grammar("regex", "a+"), "a")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ('{"a": "' + "0.000." * 80, '", "b": true}'),
        ('{"a": "x' + "\\n" * 200, '", "b": true}'),
    ],
)
def test_a_string_without_end_is_closed(text, rest):
    schema = closed(a={"type": "string"}, b={"const": True})
    grammar = grammar_out_of_loop(grammar_of(schema, "format").grammar, text)
    assert ebnf_sampler.Grammar(grammar.text).sample(0) == rest


def test_a_list_of_the_same_is_closed():
    schema = closed(a={"type": "array", "items": {"type": "string"}})
    grammar = grammar_of(schema, "format").grammar
    text = '{"a": ["' + 'la", "' * 80
    out = [grammar_out_of_loop(grammar, text[:size]) for size in range(len(text) - 6, len(text))]
    rests = {ebnf_sampler.Grammar(it.text).sample(0) for it in out if it is not None}
    assert rests == {'"]}', "]}"}


@pytest.mark.parametrize("text", ['{"a": "' + "abc" * 20, '{"a": "no two of these words are alike'])
def test_what_does_not_go_round_is_left_alone(text):
    schema = closed(a={"type": "string"})
    assert grammar_out_of_loop(grammar_of(schema, "format").grammar, text) is None


def test_an_answer_goes_on_in_its_reasoning_or_behind_it():
    held = after_thinking(BOOLEAN, THINK, is_open=False)
    assert form_of(grammar_behind(held, "<th"))["elements"][0]["begin"] == "ink>\n"
    assert form_of(grammar_behind(held, "<think>\nso"))["elements"][0]["begin"] == ""
    space, answer = form_of(grammar_behind(held, "<think>\nso</think>\n"))["elements"]
    assert (space["value"], answer["grammar"]) == ("\n", BOOLEAN.text)
    rest = form_of(grammar_behind(held, "<think>\nso</think>\n\ntr"))
    assert ebnf_sampler.Grammar(rest["grammar"]).sample(0) == "ue"


def test_an_answer_of_two_kinds_goes_on_as_the_one_it_has_become():
    either = calls_or(BOOLEAN, HERMES, TOOLS, ToolChoice())
    assert form_of(grammar_behind(either, ""))["type"] == "or"
    rest = form_of(grammar_behind(either, "fal"))
    assert ebnf_sampler.Grammar(rest["grammar"]).sample(0) == "se"


def test_free_calls_go_on_inside_a_call_or_behind_it():
    free = call_grammar(HERMES, TOOLS, ToolChoice())
    assert form_of(grammar_behind(free, "Well, ")) == form_of(free)

    content, end, again = form_of(grammar_behind(free, f"A\n<tool_call>\n{CALL[:-2]}"))["elements"]
    assert ebnf_sampler.Grammar(content["grammar"]).sample(0)[0] in "0123456789.eE}"
    assert end["value"] == "\n</tool_call>"
    assert again == form_of(free)

    end, again = form_of(grammar_behind(free, f"<tool_call>\n{CALL}\n</tool"))["elements"]
    assert end["value"] == "_call>"
    assert form_of(grammar_behind(free, f"<tool_call>\n{CALL}\n</tool_call>\n"))["type"] in (
        "sequence",
        "triggered_tags",
    )

    once = call_grammar(HERMES, TOOLS, ToolChoice(is_parallel=False))
    with pytest.raises(NoRemainder):
        grammar_behind(once, f"<tool_call>\n{CALL}\n</tool_call> and")


async def test_an_answer_is_led_out_of_one_loop_after_the_other():
    schema = closed(a={"type": "string"}, b={"type": "string"})
    answer = HeldAnswer(grammar_of(schema, "format").grammar)
    answer.feed('{"a": "' + "la " * 40)
    assert ebnf_sampler.Grammar((await answer.way_out()).text).sample(0).startswith('", "b": "')

    answer.feed('", "b": "' + "so " * 40)
    assert ebnf_sampler.Grammar((await answer.way_out()).text).sample(0) == '"}'
