"""Schemas as clients send them, each in reach of a grammar."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "maxLength": 12}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}


def closed(required: list[str] | None = None, /, **properties: Any) -> Schema:
    """An object of these properties and no others, all required unless said otherwise."""
    names = list(properties) if required is None else required
    return {
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


PLACE = closed(
    lat={"type": "number", "minimum": -90, "maximum": 90},
    lon={"type": "number", "minimum": -180, "maximum": 180},
)

OBJECTS: dict[str, Schema] = {
    "text": closed(city=TEXT),
    "some optional": closed(
        ["city"],
        city=TEXT,
        unit={"enum": ["celsius", "fahrenheit"]},
        days={"type": "integer", "minimum": 1, "maximum": 10},
    ),
    "all optional": closed([], a=TEXT, b=WHOLE, c={"type": "boolean"}, d=NUMBER),
    "only the last required": closed(["d"], a=TEXT, b=WHOLE, c={"type": "null"}, d=NUMBER),
    "nested": closed(
        user=closed(name=TEXT, home=closed(zip={"type": "string", "pattern": "^[0-9]{5}$"}))
    ),
    "a list of objects": closed(
        steps={"type": "array", "items": closed(n=WHOLE, note=TEXT), "minItems": 1, "maxItems": 3}
    ),
    "a list of enums": closed(
        tags={
            "type": "array",
            "items": {"enum": ["red", "green", "blue"]},
            "uniqueItems": True,
            "minItems": 1,
        }
    ),
    "a tuple": closed(
        pair={"type": "array", "prefixItems": [TEXT, WHOLE], "items": False, "minItems": 2}
    ),
    "counted text": closed(a={"type": "string", "minLength": 3, "maxLength": 5}),
    "text of a least length": closed(a={"type": "string", "minLength": 2}),
    "text beyond ASCII": closed(größe={"enum": ["größe", "日本語", "ça", '\n"\\/', "🙂"]}),
    "text like special tokens": closed(a={"const": "<|im_end|></s>"}),
    "formats": closed(
        at={"type": "string", "format": "date-time"},
        by={"type": "string", "format": "email"},
        id={"type": "string", "format": "uuid"},
        ip={"type": "string", "format": "ipv4"},
    ),
    "a pattern with counts": closed(
        slug={"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "minLength": 3, "maxLength": 12}
    ),
    "a pattern anywhere": closed(a={"type": "string", "pattern": "ab|cd"}),
    "numbers": closed(
        a={"type": "integer", "minimum": 5},
        b={"type": "integer", "exclusiveMaximum": -5},
        c={"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
        d={"type": "integer", "multipleOf": 10, "minimum": -50, "maximum": 500},
        e={"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 100},
    ),
    "a union": closed(value={"anyOf": [TEXT, WHOLE, {"type": "null"}]}),
    "types": closed(value={"type": ["integer", "null"], "minimum": 3}),
    "kinds told apart": closed(
        shape={
            "oneOf": [
                closed(kind={"const": "circle"}, r=NUMBER),
                closed(kind={"const": "square"}, side=NUMBER),
            ]
        }
    ),
    "definitions": {
        "type": "object",
        "properties": {"home": {"$ref": "#/$defs/place"}, "work": {"$ref": "#/$defs/place"}},
        "required": ["home", "work"],
        "additionalProperties": False,
        "$defs": {"place": PLACE},
    },
    "a definition with something beside it": {
        "type": "object",
        "properties": {"n": {"$ref": "#/definitions/n", "minimum": 5, "description": "more"}},
        "required": ["n"],
        "definitions": {"n": WHOLE},
    },
    "a tree": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": closed(
                ["v"], v=WHOLE, next={"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}
            )
        },
    },
    "all of several": {
        "allOf": [
            closed(a=WHOLE, b=TEXT),
            {"type": "object", "properties": {"a": {"minimum": 5, "maximum": 9}}},
        ]
    },
    "a map": {"type": "object", "additionalProperties": WHOLE, "maxProperties": 4},
    "others beside declared ones": {
        "type": "object",
        "properties": {"ab": TEXT, "ac": TEXT},
        "required": ["ab"],
        "additionalProperties": WHOLE,
    },
    "keys of a pattern": {
        "type": "object",
        "patternProperties": {"^x[0-9]$": WHOLE},
        "additionalProperties": False,
    },
    "keys of an enum": {
        "type": "object",
        "propertyNames": {"enum": ["k1", "k2"]},
        "additionalProperties": WHOLE,
    },
    "a key of one name": {
        "type": "object",
        "propertyNames": {"const": "k1"},
        "additionalProperties": WHOLE,
    },
    "lists of values with more to satisfy": closed(
        ["number", "text", "items"],
        number={"enum": [1, 2, 3, "4"], "minimum": 2, "type": "integer"},
        text={"enum": ["a", "bb", "ccc"], "minLength": 2, "maxLength": 2},
        items={
            "type": "array",
            "items": {"enum": [1, 2, "a"], "type": "integer"},
            "uniqueItems": True,
            "minItems": 1,
        },
    ),
    "some of several": {
        **closed([], a=WHOLE, b=WHOLE, c=WHOLE),
        "minProperties": 1,
        "maxProperties": 2,
    },
    "required by one or other": {
        **closed([], a=WHOLE, b=WHOLE),
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    "nothing": {"type": "object", "properties": {}},
    "anything": {"type": "object"},
}

REFUSED: dict[str, tuple[Any, str]] = {
    "not": ({"not": {"type": "string"}}, "not"),
    "conditions": ({"type": "object", "if": {"required": ["a"]}, "then": {}}, "if"),
    "different items": (
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "uniqueItems",
    ),
    "an item among others": ({"type": "array", "contains": {"const": 5}}, "contains"),
    "members that ask for others": (
        {"type": "object", "properties": {"a": True}, "dependentRequired": {"a": ["b"]}},
        "dependentRequired",
    ),
    "an overlap": ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
    "look-ahead": ({"type": "string", "pattern": "^(?=a)a$"}, "pattern"),
    "a fraction's multiples": ({"type": "number", "multipleOf": 0.01}, "multipleOf"),
    "a reference elsewhere": ({"$ref": "https://example.com/schema.json"}, "$ref"),
    "a reference to itself": ({"$ref": "#"}, "$ref"),
    "a type that is none": ({"type": "float"}, "type"),
    "bounds that cross": ({"type": "integer", "minimum": 5, "maximum": 4}, "minimum"),
    "a pattern too short": ({"type": "string", "pattern": "^ab?$", "minLength": 3}, "minLength"),
    "patterns beside properties": (
        {"type": "object", "properties": {"a": {}}, "patternProperties": {"^b": {}}},
        "patternProperties",
    ),
    "a pattern beside a list": ({"enum": ["x"], "pattern": "^y$"}, "pattern"),
    "several keys of a pattern": (
        {"type": "object", "propertyNames": {"pattern": "^[a-z]$"}, "minProperties": 2},
        "minProperties",
    ),
    "a required key beside patterns": (
        {"type": "object", "patternProperties": {"^a": WHOLE}, "required": ["ab"]},
        "patternProperties",
    ),
    "more digits than anybody reads": ({"type": "integer", "minimum": 10**50}, "minimum"),
    "no schema": ([1], "$schema"),
    "a schema in a wrong place": ({"type": "object", "properties": [1]}, "$schema"),
}
