"""Schemas with their references looked up and their `allOf` brought into one.

Only references inside the schema itself are followed; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any]

ANNOTATIONS = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema",
        "$vocabulary", "contentEncoding", "contentMediaType", "contentSchema", "default",
        "definitions", "deprecated", "description", "discriminator", "example", "examples",
        "externalDocs", "id", "markdownDescription", "nullable", "readOnly", "strict", "title",
        "writeOnly", "xml",
    }
)  # fmt: skip
"""Keywords that hold nothing."""


class CannotHold(Exception):
    """A keyword that a grammar cannot hold an answer to; `why` goes on "KEYWORD: "."""

    def __init__(self, keyword: str, why: str) -> None:
        super().__init__(f"{keyword}: {why}")
        self.keyword = keyword
        self.why = why


_SCHEMAS = ("items", "additionalProperties", "propertyNames", "unevaluatedProperties")


class References:
    """Finds what `$ref` names in one document."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._named: dict[str, Any] | None = None
        self._id = document.get("$id", "") if isinstance(document, Mapping) else ""

    def find(self, reference: Any) -> Any:
        """The schema that a reference names. Raises CannotHold."""
        if not isinstance(reference, str):
            raise CannotHold("$ref", "it is not a text")
        place = reference
        if self._id and reference.startswith(f"{self._id}#"):
            place = reference[len(self._id) :]
        if place == "#" or place.startswith("#/"):
            return self._at_pointer(place[1:], reference)
        named = self._names()
        key = place.removeprefix("#")
        if key not in named:
            raise CannotHold("$ref", f"{reference[:100]!r} is not in the schema")
        return named[key]

    def _at_pointer(self, pointer: str, reference: str) -> Any:
        value = self._document
        for part in unquote(pointer).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, Mapping) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                raise CannotHold("$ref", f"{reference[:100]!r} is not in the schema")
        return value

    def _names(self) -> dict[str, Any]:
        if self._named is None:
            self._named = {}
            for schema in _all_objects(self._document):
                for keyword in ("$anchor", "$dynamicAnchor", "$id"):
                    if isinstance(schema.get(keyword), str):
                        self._named.setdefault(schema[keyword].removeprefix("#"), schema)
        return self._named


def merged(first: Schema | bool, second: Schema | bool) -> Schema | bool:
    """The schema of what satisfies both. Raises CannotHold where one schema cannot say it."""
    if first is False or second is False:
        return False
    if first is True or second is True:
        return second if first is True else first
    if first.get("$ref", 0) != second.get("$ref", 0) and "$ref" in first and "$ref" in second:
        return {"allOf": [first, second]}
    left, right = _closed(first, second), _closed(second, first)
    result = dict(left)
    for keyword, value in right.items():
        if keyword not in result or keyword in ANNOTATIONS:
            result.setdefault(keyword, value)
        elif result[keyword] != value:
            result[keyword] = _both(keyword, result[keyword], value)
    return result


def _closed(schema: Schema, other: Schema) -> Schema:
    """`schema` with what its additionalProperties says of the other's properties."""
    properties = schema.get("properties")
    theirs = other.get("properties")
    extra = schema.get("additionalProperties", True)
    if extra is True or not isinstance(theirs, Mapping):
        return schema
    own = dict(properties) if isinstance(properties, Mapping) else {}
    return {**schema, "properties": {**{name: extra for name in theirs if name not in own}, **own}}


def _both(keyword: str, one: Any, other: Any) -> Any:
    if keyword in ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"):
        return max(one, other)
    if keyword in ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"):
        return min(one, other)
    if keyword == "required":
        return list(dict.fromkeys([*one, *other]))
    if keyword == "enum":
        return [value for value in one if value in other]
    if keyword == "type":
        return _both_types(one, other)
    if keyword in ("properties", "patternProperties"):
        names = dict.fromkeys([*one, *other])
        return {name: merged(one.get(name, True), other.get(name, True)) for name in names}
    if keyword in _SCHEMAS and not isinstance(one, list) and not isinstance(other, list):
        return merged(one, other)
    if keyword in ("anyOf", "oneOf") and len(one) * len(other) <= 100:
        return [merged(a, b) for a in one for b in other]
    if keyword == "uniqueItems":
        return one or other
    raise CannotHold(keyword, "it stands in two schemas that must both hold")


def _both_types(one: Any, other: Any) -> list[str]:
    """`integer` is a part of `number`."""
    left = [one] if isinstance(one, str) else list(one)
    right = [other] if isinstance(other, str) else list(other)
    both = [name for name in left if name in right]
    for names, others in ((left, right), (right, left)):
        if "integer" in names and "number" in others and "integer" not in both:
            both.append("integer")
    return both


def _all_objects(value: Any) -> Iterator[Schema]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
