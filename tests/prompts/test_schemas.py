"""Grammars made of JSON schemas: whatever they let through satisfies the schema."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from inference.errors import InvalidRequest
from inference.prompts.schemas.compiling import check_schema, grammar_of
from inference.prompts.schemas.ebnf import RuleBook
from inference.prompts.schemas.formats import PATTERNS
from inference.prompts.schemas.numbers import Bounds, Unsatisfiable, integers, multiples, numbers
from inference.prompts.schemas.patterns import NotExpressible, string_with
from tests.prompts.ebnf_sampler import Grammar
from tests.prompts.schemas import OBJECTS, REFUSED

CHECKER = Draft202012Validator.FORMAT_CHECKER


def samples(schema, count=60):
    grammar = Grammar(grammar_of(schema, "format").grammar.text)
    return [grammar.sample(seed) for seed in range(count)]


@pytest.mark.parametrize("name", OBJECTS)
def test_whatever_a_grammar_lets_through_satisfies_its_schema(name):
    validator = Draft202012Validator(OBJECTS[name], format_checker=CHECKER)
    texts = samples(OBJECTS[name])

    for text in texts:
        validator.validate(json.loads(text))
    assert len(set(texts)) > 1 or name in ("nothing", "text like special tokens")


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_grammar_cannot_hold_is_refused_by_its_keyword(name):
    schema, keyword = REFUSED[name]
    with pytest.raises(InvalidRequest, match=rf"^format: {re.escape(keyword)}: ") as caught:
        check_schema(schema, "format")
    assert caught.value.field == "format"
    nested = {"type": "object", "properties": {"a": {"type": "array", "items": schema}}}
    if not keyword.startswith("$"):
        with pytest.raises(InvalidRequest, match=rf"^format: {re.escape(keyword)}: "):
            check_schema(nested, "format")


def test_a_length_too_long_to_count_is_told_and_not_refused():
    held = grammar_of({"type": "string", "maxLength": 4000}, "format")
    assert held.not_held == ("maxLength",)
    assert grammar_of({"type": "string", "maxLength": 200}, "format").not_held == ()


def test_notes_for_people_hold_nothing():
    schema = {"type": "string", "title": "t", "default": 1, "x-order": 3, "format": "password"}
    assert grammar_of(schema, "f").grammar == grammar_of({"type": "string"}, "f").grammar


def test_a_schema_that_is_named_too_often_is_refused_and_does_not_hang():
    level = {"type": "object", "properties": {}}
    definitions = {"d0": level}
    for number in range(1, 30):
        reference = {"$ref": f"#/$defs/d{number - 1}"}
        branches = [{**reference, "title": str(n)} for n in range(4)]
        definitions[f"d{number}"] = {"type": "object", "anyOf": branches}
    with pytest.raises(InvalidRequest, match="too large|nested"):
        check_schema({"$ref": "#/$defs/d29", "$defs": definitions}, "format")


def test_members_stand_in_the_order_of_the_schema():
    schema = {
        "type": "object",
        "properties": {"z": {"type": "null"}, "a": {"type": "null"}, "m": {"type": "null"}},
        "required": ["m", "z", "a"],
    }
    assert samples(schema, 1) == ['{"z": null, "a": null, "m": null}']


@pytest.mark.parametrize("form", PATTERNS)
def test_a_format_lets_through_what_its_checker_takes(form):
    validator = Draft202012Validator({"type": "string", "format": form}, format_checker=CHECKER)
    texts = samples({"type": "string", "format": form})
    for text in texts:
        validator.validate(json.loads(text))


BOUND = st.one_of(
    st.none(),
    st.integers(-2000, 2000).map(Decimal),
    st.decimals(-50, 50, places=3),
    st.decimals(-1, 1, places=2),
)


@settings(max_examples=300)
@given(low=BOUND, high=BOUND, open_low=st.booleans(), open_high=st.booleans(), whole=st.booleans())
def test_numbers_lie_within_their_bounds(low, high, open_low, open_high, whole):
    bounds = Bounds(low, high, open_low and low is not None, open_high and high is not None)
    try:
        grammar = Grammar(RuleBook().text(integers(bounds) if whole else numbers(bounds)))
    except Unsatisfiable:
        assert low is not None
        assert high is not None
        if not whole:
            assert low > high or (low == high and (open_low or open_high))
        return
    for seed in range(25):
        value = json.loads(grammar.sample(seed))
        assert low is None or value > float(low) or (value == float(low) and not open_low)
        assert high is None or value < float(high) or (value == float(high) and not open_high)
        assert not whole or isinstance(value, int)


@settings(max_examples=100)
@given(
    low=st.integers(-300, 300), span=st.integers(0, 300), factor=st.sampled_from([2, 7, 10, 100])
)
def test_every_whole_number_within_bounds_can_be_made(low, span, factor):
    bounds = Bounds(Decimal(low), Decimal(low + span))
    wanted = set(range(low, low + span + 1))
    assert _language(integers(bounds)) == wanted
    try:
        made = _language(multiples(bounds, factor, str))
    except Unsatisfiable:
        made = set()
    assert made == {number for number in wanted if number % factor == 0}


@settings(max_examples=200)
@given(
    low=st.decimals(-50, 50, places=2),
    span=st.decimals(0, 60, places=2),
    part=st.floats(0, 1),
    places=st.integers(1, 4),
)
def test_every_decimal_within_bounds_can_be_made(low, span, part, places):
    high = low + span
    value = round(low + span * Decimal(part), places) + 0  # which makes -0 a 0
    if not low <= value <= high:
        return
    pattern = _as_pattern(numbers(Bounds(low, high)))
    assert any(pattern.fullmatch(f"{value:f}" + "0" * more) for more in range(3)), value


@pytest.mark.parametrize(
    "bounds",
    [
        {"minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308},
        {"minimum": -3.4e38, "maximum": 3.4e38},
        {"exclusiveMinimum": 0},
        {"maximum": 10**450},
        {"minimum": 10**39, "maximum": 10**41},
    ],
)
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_the_bounds_of_machines_make_no_large_grammars(kind, bounds):
    schema = {"type": kind, **bounds}
    held = grammar_of(schema, "format").grammar
    assert held is not None
    assert len(held.text) < 20_000
    for seed in range(25):
        Draft202012Validator(schema).validate(json.loads(Grammar(held.text).sample(seed)))


@pytest.mark.parametrize("factor", [10, 1000])
@pytest.mark.parametrize(
    "bounds", [{}, {"minimum": 2_000_000}, {"minimum": -5, "maximum": 10**12}, {"maximum": -70}]
)
def test_multiples_of_tens_may_be_as_long_as_any_number(bounds, factor):
    schema = {"type": "integer", "multipleOf": factor, **bounds}
    held = grammar_of(schema, "format").grammar
    assert held is not None
    assert len(held.text) < 10_000
    values = [json.loads(Grammar(held.text).sample(seed)) for seed in range(25)]
    for value in values:
        Draft202012Validator(schema).validate(value)
    assert len(set(values)) > 5


def _language(expression: str) -> set[int]:
    """All numbers an expression makes, as Python's re sees it."""
    matcher = _as_pattern(expression)
    return {number for number in range(-700, 700) if matcher.fullmatch(str(number))}


def _as_pattern(expression: str) -> re.Pattern[str]:
    text = re.sub(r'"([^"]*)"', lambda found: re.escape(found[1]), expression)
    return re.compile(text.replace(" ", ""))


PATTERN_CASES = [
    "^abc$", "^a|b$", "^(a|bc)+d?$", "^[^a-c]{2,3}$", r"^\d{3}-\d{4}$", r"^[\w.+-]+@\w+\.\w{2,}$",
    r"^\$\{[a-z]+\}$", r"^a{2}b{1,}c{0,2}$", r"^[\"'\\/]+$", "^.{3}$", r"^\s\S$", "^[-a]$",
    "^[a-]$",
    r"^[^\s\"]+$", r"^\u00e4\x41$", "^(?:a(?:b|c))*$", "^(?<year>[12][0-9]{3})$", "x", "^x", "x$",
    "", "^$", r"^[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){1,3}$", r"^\w\W\D$", r"^a{,3}$", r"^[\d-]+?$",
    r"^\t$", r"^[ä-ü日]+$",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERN_CASES)
def test_a_string_of_a_pattern_matches_it(pattern):
    python = re.sub(r"\(\?<(\w+)>", r"(?P<\1>", pattern).replace("{,3}", r"\{,3\}")
    for text in samples({"type": "string", "pattern": pattern}):
        assert re.search(python, json.loads(text)), text


@pytest.mark.parametrize(
    "pattern",
    [r"\bword", r"(a)\1", "a(?!b)", "(?<=a)b", r"\p{L}", "(", "[a", "a)", "*a", "a^b", "a{3,1}",
     "[b-a]", r"\ud800", "a" * 3000, "(" * 60 + ")" * 60, "a{2000}"],
)  # fmt: skip
def test_a_pattern_beyond_grammars_is_refused(pattern):
    with pytest.raises(NotExpressible):
        string_with(pattern)
