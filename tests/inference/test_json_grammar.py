"""JSON schemas as grammars: what can be said, and that numbers stay between their bounds.

That whole answers follow their schema is tested with the engine, in `test_engine_process.py`.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.worker.json_grammar import bounded_grammar
from inference.worker.number_grammar import MOST, integers_between, numbers_between


def as_pattern(expression: str) -> re.Pattern[str]:
    """The grammar's expression as a regular expression: they differ in quotes and spaces only."""
    text = re.sub(r'"([^"]*)"', lambda quoted: re.escape(quoted[1]), expression)
    return re.compile(text.replace(" ", ""))


bounds = st.none() | st.integers(-2000, 2000)


@given(low=bounds, high=bounds, number=st.integers(-3000, 3000))
def test_an_integer_is_taken_exactly_if_it_lies_between_the_bounds(low, high, number):
    expression = integers_between(low, high)
    if low is not None and high is not None and low > high:
        assert expression is None
        return
    fits = (low is None or low <= number) and (high is None or number <= high)
    assert bool(as_pattern(expression).fullmatch(str(number))) == fits


@given(
    low=bounds, high=bounds, whole=st.integers(-3000, 3000), part=st.sampled_from(["", ".0", ".5"])
)
def test_a_number_is_taken_exactly_if_it_lies_between_the_bounds(low, high, whole, part):
    expression = numbers_between(low, high)
    if low is not None and high is not None and low > high:
        assert expression is None
        return
    text = f"{whole}{part}"
    fits = (low is None or low <= float(text)) and (high is None or float(text) <= high)
    assert bool(as_pattern(expression).fullmatch(text)) == fits


@pytest.mark.parametrize("text", ["007", "", "-", "1.", ".5"])
def test_no_expression_takes_what_json_does_not(text):
    for expression in (integers_between(-50, 2000), numbers_between(-50, 2000)):
        assert not as_pattern(expression).fullmatch(text)


@pytest.mark.parametrize(("low", "high"), [(5, 4), (0, MOST + 1), (-MOST - 1, 0)])
def test_bounds_that_cannot_be_said_are_left_to_the_engine(low, high):
    assert integers_between(low, high) is None
    assert numbers_between(low, high) is None


def test_a_bound_with_a_fraction_is_left_to_the_engine():
    assert numbers_between(0.5, 1) is None
    assert numbers_between(0.0, 1.0) is not None


NODE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#"}},
    },
    "required": ["name"],
}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "array", "items": {"type": "number", "minimum": 0}, "maxItems": 3},
        {"type": ["string", "null"], "maxLength": 9},
        {"anyOf": [{"type": "boolean"}, {"enum": [1, "x", None]}]},
        {"type": "string", "format": "date", "title": "When", "description": "a day"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"const": {"b": [1]}}}},
        NODE,
    ],
)
def test_a_schema_of_everyday_words_becomes_a_grammar(schema):
    grammar = bounded_grammar(json.dumps(schema))
    assert grammar is not None
    assert grammar.startswith("root ::= ")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nope"},
        {"type": "string", "pattern": "a+"},
        {"type": "string", "format": "email"},
        {"type": "integer", "multipleOf": 3},
        {"type": "integer", "minimum": "0"},
        {"type": "array", "uniqueItems": True},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}, "required": ["b"]},
        {"allOf": [{"type": "string"}, {"maxLength": 3}]},
        {"anyOf": []},
        {"$ref": "https://example.org/other.json"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"not": {"type": "string"}},
    ],
)
def test_a_schema_with_other_words_is_left_to_the_engine(schema):
    assert bounded_grammar(json.dumps(schema)) is None


def test_a_schema_nested_without_end_is_left_to_the_engine():
    assert bounded_grammar('{"items":' * 5000 + "{}" + "}" * 5000) is None


def test_equal_parts_share_a_rule():
    """The engine compiles every rule: 160 equal fields took half a second, shared 9 ms."""
    field = {"type": "string", "maxLength": 40}
    schema = {
        "type": "array",
        "items": {"anyOf": [field, field, {"type": "array", "items": field}]},
    }
    assert bounded_grammar(json.dumps(schema)).count("{0,40}") == 1
