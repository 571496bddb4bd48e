"""Lists inside JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inference.prompts.schemas.ebnf import EMPTY, RuleBook, json_literal, repeated, sequence
from inference.prompts.schemas.kinds import listed_values
from inference.prompts.schemas.references import CannotHold, Schema

MOST_COUNTED = 1_000
MOST_UNIQUE = 32
OPEN, COMMA, CLOSE = '"["', '", "', '"]"'

Value = Callable[[Any], str]
"""The expression of a schema's values."""


def array(book: RuleBook, schema: Schema, value: Value) -> str:
    """A list as the schema says. Raises CannotHold."""
    for keyword in ("contains", "unevaluatedItems"):
        if schema.get(keyword, False) is not False:
            raise CannotHold(keyword, "a grammar cannot look for an item among others")
    first, rest = _items(schema)
    least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
    if rest is False:
        most = len(first) if most is None else min(int(most), len(first))
    if most is not None and least > most:
        raise CannotHold("minItems", "more items are asked for than may be")
    if least > MOST_COUNTED or (most or 0) > MOST_COUNTED:
        raise CannotHold("maxItems" if most else "minItems", f"counted up to {MOST_COUNTED}")
    if schema.get("uniqueItems") and most != 1:
        return _unique(book, first, rest, least, most)
    return _list(book, [value(item) for item in first], rest, least, most, value)


def _items(schema: Schema) -> tuple[list[Any], Any]:
    """The schemas of the first items and of the others. Before 2020-12, `items` could be a
    list."""
    first = list(schema.get("prefixItems") or ())
    rest = schema.get("items", schema.get("unevaluatedItems", True))
    if isinstance(rest, list):
        return rest, schema.get("additionalItems", True)
    return first, rest


def _list(
    book: RuleBook, first: list[str], rest: Any, least: int, most: int | None, value: Value
) -> str:
    """`first` in their order, then any number of `rest`, `least` to `most` in all."""
    limit = len(first) if most is None else min(len(first), int(most))
    free = None if most is None else int(most) - limit
    tail = EMPTY
    if rest is not False and free != 0:
        item = value(rest)
        must = max(0, least - limit)
        if limit == 0:
            more = None if free is None else free - 1
            items = sequence(item, repeated(f"{COMMA} {item}", max(0, must - 1), more))
            return f"{OPEN} {items if least else repeated(items, 0, 1)} {CLOSE}"
        tail = repeated(f"{COMMA} {item}", must, free)
    for place in range(limit - 1, -1, -1):
        here = sequence(EMPTY if place == 0 else COMMA, first[place], tail)
        tail = here if place < least else repeated(here, 0, 1)
        tail = book.rule("items", tail)
    return sequence(OPEN, tail, CLOSE)


def _unique(book: RuleBook, first: list[Any], rest: Any, least: int, most: int | None) -> str:
    """Different items can be held if they are few known values: some of them, in their order."""
    values = _known_values(rest)
    if first or values is None or len(values) > MOST_UNIQUE:
        raise CannotHold("uniqueItems", "only items of an enum can be kept apart")
    if least > len(values):
        raise CannotHold("minItems", "there are fewer different items")
    limit = len(values) if most is None else min(int(most), len(values))

    def after(place: int, written: int) -> str:
        """What may follow when the values before `place` are settled and `written` stand."""
        if place == len(values) or written == limit:
            return EMPTY
        options = [EMPTY] if written >= least else []
        for following in range(place, len(values)):
            if len(values) - following < least - written:
                break
            comma = COMMA if written else EMPTY
            later = after(following + 1, written + 1)
            options.append(sequence(comma, json_literal(values[following]), later))
        return book.rule("unique", " | ".join(options))

    return sequence(OPEN, after(0, 0), CLOSE)


def _known_values(schema: Any) -> list[Any] | None:
    if isinstance(schema, Mapping) and schema.get("type") == "boolean" and "enum" not in schema:
        return [True, False] if "const" not in schema else listed_values(schema)
    return listed_values(schema)
