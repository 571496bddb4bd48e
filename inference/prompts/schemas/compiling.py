"""The entrance: a JSON schema becomes a grammar, keyword by keyword.

JSON is written on one line with a space after commas and colons, as models write it in calls. That
leaves no room for white space without end, which small models fall into.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from inference.errors import InvalidRequest
from inference.prompts.schemas import arrays, objects
from inference.prompts.schemas.ebnf import RuleBook, TooLarge, either, json_literal, sequence
from inference.prompts.schemas.formats import PATTERNS
from inference.prompts.schemas.kinds import (
    KEYWORDS_OF,
    are_apart,
    is_whole,
    listed_values,
    types_of,
)
from inference.prompts.schemas.numbers import (
    ANY_NUMBER,
    Bounds,
    TooMany,
    Unsatisfiable,
    integers,
    multiples,
    numbers,
)
from inference.prompts.schemas.patterns import NotExpressible, fitted, string_with
from inference.prompts.schemas.references import (
    ANNOTATIONS,
    CannotHold,
    References,
    Schema,
    merged,
)
from inference.prompts.schemas.strings import (
    LONGEST_COUNTED,
    QUOTE,
    any_string,
    counted_string,
)
from inference.requests import Grammar

MOST_BOUND_DIGITS = 40
BEYOND = Decimal(10) ** (MOST_BOUND_DIGITS + 2)
"""A bound beyond this, such as the largest of a float, binds nobody: with an open end numbers have
one digit more than the other bound at most."""
SHORTEST_SHARED = 60
"""Characters. What is shorter is written where it belongs: a rule's edge costs the engine more."""
DEEPEST = 64
MOST_TURNS = 20_000
"""Schemas looked at, each as often as it is named."""

REFUSED = ("not", "if", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class Held:
    """A grammar, and the keywords that it leaves to luck: length limits too long to count."""

    grammar: Grammar
    not_held: tuple[str, ...] = ()


def grammar_of(schema: Any, field: str) -> Held:
    """The grammar of that schema's values. Raises InvalidRequest with `field` and the keyword that
    cannot be held."""
    try:
        return _grammar_of(json.dumps(schema), field)
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest(f"{field}: this is no JSON schema", field=field) from None


def check_schema(schema: Any, field: str) -> None:
    """Raises InvalidRequest with `field` and the keyword that cannot be held."""
    grammar_of(schema, field)


def read_schema(text: str) -> Any:
    """A schema from its JSON, as SchemaCompiler wants it: numbers exactly as they were written."""
    return json.loads(text, parse_float=Decimal)


@functools.lru_cache(maxsize=128)
def _grammar_of(text: str, field: str) -> Held:
    compiler = SchemaCompiler(RuleBook(), read_schema(text))
    try:
        root = compiler.root()
    except CannotHold as refusal:
        raise InvalidRequest(f"{field}: {refusal}", field=field) from None
    return Held(Grammar("ebnf", compiler.book.text(root)), tuple(compiler.not_held))


class SchemaCompiler:
    """Turns one schema document into rules of a book."""

    def __init__(self, book: RuleBook, document: Any) -> None:
        self.book = book
        self.not_held: dict[str, None] = {}
        self._document = document
        self._references = References(document)
        self._rules: dict[int, str] = {}
        self._entered: list[int] = []
        self._depth = 0
        self._turns = 0
        self._any = ""

    def root(self) -> str:
        """The expression of the document's values. Raises CannotHold."""
        try:
            return self.value(self._document)
        except TooLarge:
            raise CannotHold("$schema", "it is too large") from None
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise CannotHold("$schema", f"it is no valid schema ({error})"[:200]) from None

    def value(self, schema: Any) -> str:
        """The expression of a schema's values. Raises CannotHold."""
        if schema is True or schema == {}:
            return self.any_value()
        if schema is False:
            raise CannotHold("false", "nothing satisfies it")
        if not isinstance(schema, Mapping):
            raise CannotHold("$schema", "a schema is an object, true or false")
        if self._depth >= DEEPEST:
            raise CannotHold("$schema", f"it is nested more than {DEEPEST} deep")
        self._depth += 1
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise TooLarge
        try:
            return self._branches(schema)
        finally:
            self._depth -= 1

    def _branches(self, schema: Schema) -> str:
        reference = schema.get("$ref", schema.get("$dynamicRef"))
        if reference is not None and not (schema.keys() - ANNOTATIONS - {"$ref", "$dynamicRef"}):
            return self._referred(reference)
        settled = self._settled(schema)
        if not isinstance(settled, Mapping):
            return self.value(settled)
        for keyword in REFUSED:
            if keyword in settled:
                raise CannotHold(keyword, "a grammar cannot hold a condition")
        for keyword in ("anyOf", "oneOf"):
            if keyword in settled:
                return self._options(settled, keyword)
        return self._plain(settled)

    def _referred(self, reference: Any) -> str:
        target = self._references.find(reference)
        if not isinstance(target, Mapping):
            return self.value(target)
        key = id(target)
        if key in self._entered:
            raise CannotHold("$ref", f"{str(reference)[:100]!r} leads back to itself")
        if key not in self._rules:
            self._rules[key] = self.book.new_name("ref")
            self._entered.append(key)
            expression = self.value(target)
            self._entered.pop()
            self.book.define(self._rules[key], expression)
        return self._rules[key]

    def _settled(self, schema: Schema) -> Schema | bool:
        """The schema with its references and `allOf` brought into it."""
        result: Schema | bool = schema
        for _ in range(DEEPEST):
            if not isinstance(result, Mapping):
                return result
            reference = result.get("$ref", result.get("$dynamicRef"))
            if reference is None and "allOf" not in result:
                return result
            parts = list(result.get("allOf") or ())
            if reference is not None:
                parts.append(self._references.find(reference))
            rest: Schema | bool = {
                name: it
                for name, it in result.items()
                if name not in ("$ref", "$dynamicRef", "allOf")
            }
            for part in parts:
                if not isinstance(part, Mapping | bool):
                    raise CannotHold("allOf", "it holds something that is no schema")
                rest = merged(rest, part)
            result = rest
        raise CannotHold("$ref", "it leads back to itself")

    def _options(self, schema: Schema, keyword: str) -> str:
        """One of several schemas, each together with what stands beside them."""
        beside = {name: it for name, it in schema.items() if name != keyword}
        options = []
        for option in schema[keyword]:
            settled = option if isinstance(option, bool) else self._settled(option)
            together = merged(beside, settled) if beside.keys() - ANNOTATIONS else settled
            if together is not False:
                options.append((option if together is settled else together, together))
        if not options:
            raise CannotHold(keyword, "nothing satisfies any of it")
        if keyword == "oneOf" and not are_apart([settled for _, settled in options]):
            raise CannotHold("oneOf", "a value could satisfy several of it; use anyOf")
        return either([self.value(option) for option, _ in options])

    def _plain(self, schema: Schema) -> str:
        """A schema without branches."""
        types = types_of(schema)
        if "const" in schema or "enum" in schema:
            return self._listed(schema)
        if not types:
            return self.any_value()
        return either([self._of_type(schema, name) for name in types])

    def _listed(self, schema: Schema) -> str:
        fitting = listed_values(schema)
        if not fitting:
            raise CannotHold("const" if "const" in schema else "enum", "no value satisfies it")
        return self.book.rule("listed", " | ".join(json_literal(_jsonable(it)) for it in fitting))

    def _of_type(self, schema: Schema, name: str) -> str:
        match name:
            case "null":
                return '"null"'
            case "boolean":
                return '( "true" | "false" )'
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, is_integer=name == "integer")
            case "array":
                text = self._within(lambda: arrays.array(self.book, schema, self.value))
                return self.book.rule("array", text)
        if any(keyword in schema for keyword in KEYWORDS_OF["object"]):
            text = self._within(
                lambda: objects.object_(self.book, schema, self.value, self._string)
            )
        else:
            text = objects.any_object(self.book, self.any_value())
        return self.book.rule("object", text)

    def _within(self, make: Any) -> str:
        """Inside brackets a reference may lead back to what it stands in."""
        entered, self._entered = self._entered, []
        try:
            return str(make())
        finally:
            self._entered = entered

    def _string(self, schema: Schema) -> str:
        pattern, form = schema.get("pattern"), schema.get("format")
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        if most is not None and least > most:
            raise CannotHold("minLength", "it is above maxLength")
        if pattern is None and form not in PATTERNS:
            for keyword, count in (("minLength", least), ("maxLength", most or 0)):
                if count > LONGEST_COUNTED:
                    self.not_held[keyword] = None
            least = min(least, LONGEST_COUNTED)
            most = None if most is None or most > LONGEST_COUNTED else int(most)
            return self.book.rule("string", counted_string(self.book, least, most))
        if pattern is not None and form in PATTERNS:
            raise CannotHold("pattern", "beside format it cannot be held")
        keyword = "format" if pattern is None else "pattern"
        try:
            piece = string_with(PATTERNS[str(form)] if pattern is None else pattern)
        except NotExpressible as problem:
            raise CannotHold(keyword, str(problem)) from None
        piece = fitted(piece, least, None if most is None else int(most))
        if piece.least < least:
            raise CannotHold("minLength", f"beside {keyword} it cannot be held")
        if most is not None and (piece.most is None or piece.most > most):
            raise CannotHold("maxLength", f"beside {keyword} it cannot be held")
        return self.book.rule("string", sequence(QUOTE, piece.expression, QUOTE))

    def _number(self, schema: Schema, *, is_integer: bool) -> str:
        bounds = _bounds(schema)
        factor = schema.get("multipleOf")
        try:
            if factor is not None and factor != 1:
                if not is_whole(factor) or factor <= 0:
                    raise CannotHold("multipleOf", "only whole numbers can be held")
                return self.book.rule("multiple", multiples(bounds, int(factor), self._share))
            if is_integer or factor == 1:
                return self.book.rule("integer", integers(bounds, self._share))
            return self.book.rule("number", numbers(bounds, self._share))
        except Unsatisfiable:
            raise CannotHold("minimum", "no number lies within the bounds") from None
        except TooMany:
            raise CannotHold("multipleOf", "powers of ten, or few between bounds") from None

    def _share(self, digits: str) -> str:
        """A rule for what is long, as the same digits may follow in many places."""
        return self.book.rule("digits", digits) if len(digits) > SHORTEST_SHARED else digits

    def any_value(self) -> str:
        """The expression of any JSON value."""
        if not self._any:
            self._any = self.book.new_name("value")
            string, number = any_string(self.book), self.book.rule("number", ANY_NUMBER)
            list_ = self.book.rule("array", f'"[" ( {self._any} ( ", " {self._any} )* )? "]"')
            object_ = self.book.rule("object", objects.any_object(self.book, self._any))
            words = '"true" | "false" | "null"'
            self.book.define(self._any, f"{object_} | {list_} | {string} | {number} | {words}")
        return self._any


def _bounds(schema: Schema) -> Bounds:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(above, bool):  # draft 4
        low, above = (None, low) if above else (low, None)
    if isinstance(below, bool):
        high, below = (None, high) if below else (high, None)
    is_low_excluded = above is not None and (low is None or above >= low)
    is_high_excluded = below is not None and (high is None or below <= high)
    least = _decimal(above if is_low_excluded else low)
    most = _decimal(below if is_high_excluded else high)
    longest = Decimal(10) ** MOST_BOUND_DIGITS
    if (least or 0) >= longest or (most or 0) <= -longest:
        raise CannotHold("minimum", f"numbers of more than {MOST_BOUND_DIGITS} digits")
    if least is not None and least <= -BEYOND:
        least, is_low_excluded = None, False
    if most is not None and most >= BEYOND:
        most, is_high_excluded = None, False
    return Bounds(least, most, is_low_excluded, is_high_excluded)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _jsonable(value: Any) -> Any:
    """A value of the schema as JSON's encoder wants it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, dict):
        return {name: _jsonable(item) for name, item in value.items()}
    return value
