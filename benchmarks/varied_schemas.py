"""JSON schemas as clients send them, made from a seed; each is satisfied in some hundred tokens."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]

NAMES = (
    "name", "city", "age", "count", "price", "unit", "tags", "note", "when", "id", "email",
    "items", "active", "address", "kind", "score", "größe", "max_results", "query", "x-id",
)  # fmt: skip
WORDS = ("red", "green", "blue", "celsius", "fahrenheit", "small", "large", "日本", "it's", 'a "b"')
DEEPEST = 2


def make_object(seed: int) -> Schema:
    """The schema of an object; the same for the same seed."""
    return _object(random.Random(seed), 0)


def _object(dice: random.Random, depth: int) -> Schema:
    names = dice.sample(NAMES, dice.randint(1, 5 if depth == 0 else 3))
    schema: Schema = {
        "type": "object",
        "properties": {name: _value(dice, depth) for name in names},
        "required": [name for name in names if dice.random() < 0.8],
    }
    if dice.random() < 0.8:
        schema["additionalProperties"] = False
    else:
        schema["maxProperties"] = len(names)
    return schema


def _value(dice: random.Random, depth: int) -> Schema:
    makers: list[Callable[[random.Random, int], Schema]] = [
        _text, _text, _choice, _integer, _number, _switch, _shaped, _matching, _nullable,
    ]  # fmt: skip
    if depth < DEEPEST:
        makers += [_list, _nested, _either]
    return dice.choice(makers)(dice, depth)


def _text(dice: random.Random, depth: int) -> Schema:
    least = dice.choice((0, 0, 1, 3))
    return {"type": "string", "minLength": least, "maxLength": least + dice.randint(3, 30)}


def _choice(dice: random.Random, depth: int) -> Schema:
    return {"enum": dice.sample(WORDS, dice.randint(1, 4))}


def _integer(dice: random.Random, depth: int) -> Schema:
    low = dice.randint(-1000, 1000)
    schema: Schema = {"type": "integer", "minimum": low, "maximum": low + dice.randint(1, 10**6)}
    if dice.random() < 0.2:
        return {"type": "integer", "multipleOf": dice.choice((5, 10)), "minimum": 0, "maximum": 500}
    return schema


def _number(dice: random.Random, depth: int) -> Schema:
    low = dice.choice((-180, -1.5, 0, 0.25))
    return {"type": "number", "minimum": low, "maximum": low + dice.choice((0.5, 1, 360))}


def _switch(dice: random.Random, depth: int) -> Schema:
    return {"type": "boolean"}


def _shaped(dice: random.Random, depth: int) -> Schema:
    shapes = ("date", "date-time", "time", "email", "uuid", "ipv4")
    return {"type": "string", "format": dice.choice(shapes)}


def _matching(dice: random.Random, depth: int) -> Schema:
    patterns = (
        "^[0-9]{5}$",
        "^[a-z][a-z0-9_]{2,10}$",
        "^(on|off)-[A-F]{2}$",
        r"^\d{1,3}(\.\d)?$",
    )
    return {"type": "string", "pattern": dice.choice(patterns)}


def _nullable(dice: random.Random, depth: int) -> Schema:
    return {"type": [dice.choice(("boolean", "integer")), "null"], "minimum": 0, "maximum": 99}


def _list(dice: random.Random, depth: int) -> Schema:
    least = dice.randint(0, 2)
    return {
        "type": "array",
        "items": _value(dice, depth + 1),
        "minItems": least,
        "maxItems": least + dice.randint(1, 2),
    }


def _nested(dice: random.Random, depth: int) -> Schema:
    return _object(dice, depth + 1)


def _either(dice: random.Random, depth: int) -> Schema:
    return {"anyOf": [_text(dice, depth), _integer(dice, depth), _object(dice, depth + 1)]}
