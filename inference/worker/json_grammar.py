"""A JSON schema as a grammar in which a small model cannot lose its way. Pure.

The engine's own translation (xgrammar in OpenVINO GenAI 2026.4, without a switch for it) takes any
amount of whitespace between two JSON tokens and any number of digits. A model with nothing to say
stays there to its token limit: 7 of 64 answers of the starter at temperature 1.2 were newlines
without end. Here a break is at most one newline with its indentation, and a number ends.

What cannot be said here is left to the engine's translation: `bounded_grammar` answers None.
The texts of a grammar made here are a subset of those that the schema allows; object properties
come in the schema's order, and properties that it does not name need its `additionalProperties`.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from inference.worker.number_grammar import integers_between, numbers_between

MOST_REPEATS = 4096
DEEPEST = 64

PRIMITIVES = r"""
gap ::= "" | " " | "\n" [ ]{0,48} | "\n" [\t]{0,12}
space ::= "" | " "
string ::= "\"" [^"\\\x00-\x1f]* ("\\" escaped [^"\\\x00-\x1f]*)* "\""
escaped ::= ["\\/bfnrt] | "u" unit
unit ::= [0-9a-cefA-CEF] hex hex hex | [dD] [0-7] hex hex
hex ::= [0-9a-fA-F]
whole ::= "0" | [1-9] [0-9]{0,17}
integer ::= "-"? whole
number ::= integer ("." [0-9]{1,17})? ([eE] [+-]? [0-9]{1,2})?
boolean ::= "true" | "false"
null ::= "null"
value ::= object | array | string | number | boolean | null
pair ::= string ":" space value
object ::= "{" (gap pair ("," gap pair)*)? gap "}"
array ::= "[" (gap value ("," gap value)*)? gap "]"
"""
"""Rules that every grammar has. A string is written so that most tokens are judged when the grammar
is compiled: with one rule for a character, decoding ran at a third of its speed."""

FORMATS = {
    "date": "date",
    "time": "time",
    "date-time": 'date "T" time',
    "uuid": '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
}
FORMAT_RULES = r"""
date ::= [12] [0-9]{3} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])
time ::= clock ("." [0-9]{1,6})? ("Z" | [+-] ("0" [0-9] | "1" [0-3]) ":" [0-5] [0-9])
clock ::= ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9]
"""
"""The formats that can be said; days end at 28, which every month has."""

ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "definitions",
    }
)
KEYWORDS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
"""What each type may say beside annotations; anything else is left to the engine."""


class _NotSayable(Exception):
    """The schema has something that this translation does not know."""


@functools.lru_cache(maxsize=128)
def bounded_grammar(schema: str) -> str | None:
    """The grammar (EBNF as the engine reads it) of that schema (JSON text), or None."""
    try:
        return _Translation(json.loads(schema)).grammar()
    except (_NotSayable, ValueError, RecursionError):
        return None


class _Translation:
    """The rules of one schema. Methods return an expression that stands for a value."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._referred_rules: list[str] = []
        self._depth = 0

    def grammar(self) -> str:
        """The whole text."""
        root = self._value(self._schema)
        rules = [f"{name} ::= {expression}" for expression, name in self._rules.items()]
        return "\n".join(
            (f"root ::= {root}", *rules, *self._referred_rules, PRIMITIVES, FORMAT_RULES)
        )

    def _rule(self, expression: str) -> str:
        """A name for that expression; equal ones share it, and with it what the engine compiles."""
        return self._rules.setdefault(expression, f"r{len(self._rules)}")

    def _value(self, schema: Any) -> str:
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise _NotSayable
        self._depth += 1
        if self._depth > DEEPEST:
            raise _NotSayable
        try:
            return self._one_of_its_kinds(schema)
        finally:
            self._depth -= 1

    def _one_of_its_kinds(self, schema: dict[str, Any]) -> str:
        said = schema.keys() - ANNOTATIONS
        if "$ref" in said:
            _only(said, {"$ref"})
            return self._referred(schema["$ref"])
        for word in ("anyOf", "oneOf", "allOf"):
            if word in said:
                _only(said, {word})
                branches = _list(schema[word])
                if word == "allOf" and len(branches) > 1:
                    raise _NotSayable
                return self._rule(" | ".join(self._value(branch) for branch in branches))
        if "const" in said:
            _only(said, {"const", "type"})
            return _literal(schema["const"])
        if "enum" in said:
            _only(said, {"enum", "type"})
            return self._rule(" | ".join(_literal(each) for each in _list(schema["enum"])))
        kinds = schema.get("type")
        if isinstance(kinds, str):
            return self._of_type(kinds, schema, said)
        return self._rule(" | ".join(self._of_type(k, schema, said) for k in _list(kinds)))

    def _of_type(self, kind: Any, schema: dict[str, Any], said: set[str]) -> str:
        others = {word for name, words in KEYWORDS.items() if name != kind for word in words}
        if kind not in KEYWORDS or said - KEYWORDS[kind] - others - {"type"}:
            raise _NotSayable
        match kind:
            case "string":
                return self._string(schema)
            case "integer":
                return self._rule(_integer(schema))
            case "number":
                return self._rule(_number(schema))
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case _:
                return str(kind)

    def _string(self, schema: dict[str, Any]) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if "format" in schema:
            if "minLength" in schema or "maxLength" in schema or schema["format"] not in FORMATS:
                raise _NotSayable
            return self._rule(rf'"\"" {FORMATS[schema["format"]]} "\""')
        if not least and most is None:
            return "string"
        # Without escapes: they would need the rule for a character (see PRIMITIVES).
        return self._rule(rf'"\"" [^"\\\x00-\x1f]{_repeats(least, most)} "\""')

    def _array(self, schema: dict[str, Any]) -> str:
        item = self._value(schema.get("items", True))
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        _repeats(least, most)
        if most == 0:
            return '"[]"'
        rest = _repeats(max(least - 1, 0), None if most is None else most - 1)
        filled = f'"[" gap {item} ("," gap {item}){rest} gap "]"'
        return self._rule(filled if least else f'"[]" | {filled}')

    def _object(self, schema: dict[str, Any]) -> str:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        other = schema.get("additionalProperties", not properties)
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise _NotSayable
        if set(required) - properties.keys():
            raise _NotSayable
        # From the last property to the first: what may follow when something stands before it
        # (`after`), and what may follow when nothing does (`first`; None: nothing can).
        after, first = '""', None
        if other is not False:
            pair = f'string ":" space {self._value(other)}'
            if properties:  # it must not repeat one of them
                raise _NotSayable
            after = self._rule(f'("," gap {pair})*')
            first = self._rule(f"{pair} {after}")
        for name, described in reversed(properties.items()):
            pair = f'{_literal(name)} ":" space {self._value(described)}'
            begins = f"{pair} {after}"
            if name in required:
                first = self._rule(begins)
                after = self._rule(f'"," gap {begins}')
            else:
                first = self._rule(begins if first is None else f"{begins} | {first}")
                after = self._rule(f'"," gap {begins} | {after}')
        filled = f'"{{" gap {first} gap "}}"'
        if first is None:
            return '"{}"'
        return self._rule(filled if required else f'"{{}}" | {filled}')

    def _referred(self, place: Any) -> str:
        """The rule of a place in the schema; it may refer to itself."""
        if not isinstance(place, str) or not place.startswith("#"):
            raise _NotSayable
        if place not in self._places:
            name = self._places[place] = f"at{len(self._places)}"
            expression = self._value(_found(self._schema, place))
            if expression in self._places.values():  # an alias, perhaps of itself
                raise _NotSayable
            self._referred_rules.append(f"{name} ::= {expression}")
        return self._places[place]


def _integer(schema: dict[str, Any]) -> str:
    lows = [math.ceil(_size(schema["minimum"]))] if "minimum" in schema else []
    highs = [math.floor(_size(schema["maximum"]))] if "maximum" in schema else []
    if "exclusiveMinimum" in schema:
        lows.append(math.floor(_size(schema["exclusiveMinimum"])) + 1)
    if "exclusiveMaximum" in schema:
        highs.append(math.ceil(_size(schema["exclusiveMaximum"])) - 1)
    if not lows and not highs:
        return "integer"
    expression = integers_between(max(lows, default=None), min(highs, default=None))
    if expression is None:
        raise _NotSayable
    return expression


def _number(schema: dict[str, Any]) -> str:
    low = _size(schema["minimum"]) if "minimum" in schema else None
    high = _size(schema["maximum"]) if "maximum" in schema else None
    if low is None and high is None:
        return "number"
    expression = numbers_between(low, high)
    if expression is None:
        raise _NotSayable
    return expression


def _size(value: Any) -> float:
    """A bound that is a number: draft 4 had booleans here."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _NotSayable
    return value


def _literal(value: Any) -> str:
    """A JSON value as a text of the grammar."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)


def _repeats(least: Any, most: Any) -> str:
    for bound in (least, most):
        if bound is not None and (type(bound) is not int or not 0 <= bound <= MOST_REPEATS):
            raise _NotSayable
    if most is not None and most < least:
        raise _NotSayable
    return "*" if (least, most) == (0, None) else f"{{{least},{'' if most is None else most}}}"


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise _NotSayable
    return value


def _only(said: set[str], known: set[str]) -> None:
    if said - known:
        raise _NotSayable


def _found(schema: Any, place: str) -> Any:
    for step in place.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(schema, dict) or name not in schema:
            raise _NotSayable
        schema = schema[name]
    return schema
