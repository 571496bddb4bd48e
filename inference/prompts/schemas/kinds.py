"""Of which types a schema's values are, and whether two schemas share any value."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from inference.prompts.schemas.references import CannotHold, Schema

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
KEYWORDS_OF = {
    "object": (
        "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
        "minProperties", "maxProperties", "unevaluatedProperties", "dependentRequired",
        "dependentSchemas", "dependencies",
    ),
    "array": (
        "items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems",
        "contains", "minContains", "maxContains", "unevaluatedItems",
    ),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}  # fmt: skip
"""What a keyword says of values of its type only; without a type it also says which to make."""
_BESIDE_A_LIST = {
    "type", "const", "enum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
    "required", "minProperties", "maxProperties", *KEYWORDS_OF["number"],
}  # fmt: skip


def types_of(schema: Schema) -> list[str]:
    """The types of the values to make; none if the schema says nothing of them."""
    given = schema.get("type")
    if given is None:
        return [name for name, words in KEYWORDS_OF.items() if any(it in schema for it in words)]
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in TYPES:
            raise CannotHold("type", f"{str(name)[:40]!r} is no type")
    if not names:
        raise CannotHold("type", "nothing satisfies it")
    return [name for name in names if not (name == "integer" and "number" in names)]


def type_of(value: Any) -> str:
    """The narrowest type of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "integer" if is_whole(value) else "number"


def is_whole(value: Any) -> bool:
    """Whether it is a number without decimals, however it was written."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return is_number and value == int(value)


def are_apart(options: list[Schema | bool]) -> bool:
    """Whether no value can satisfy two of the schemas, as far as that is easily seen."""
    for place, one in enumerate(options):
        for other in options[place + 1 :]:
            if not isinstance(one, Mapping) or not isinstance(other, Mapping):
                return False
            if not _twoare_apart(one, other):
                return False
    return True


def _twoare_apart(one: Schema, other: Schema) -> bool:
    kinds = [
        {"number" if name == "integer" else name for name in _kinds(schema)}
        for schema in (one, other)
    ]
    if all(kinds) and not kinds[0] & kinds[1]:
        return True
    listed = [listed_values(schema) for schema in (one, other)]
    if listed[0] is not None and listed[1] is not None:
        return not any(value in listed[1] for value in listed[0])
    if kinds[0] | kinds[1] != {"object"}:
        return False
    required = set(one.get("required") or ()) & set(other.get("required") or ())
    return any(_member_apart(one, other, name) for name in required)


def _member_apart(one: Schema, other: Schema, name: str) -> bool:
    """Whether a member that both must have tells them apart."""
    members = [(schema.get("properties") or {}).get(name) for schema in (one, other)]
    values = [listed_values(member) if isinstance(member, Mapping) else None for member in members]
    if values[0] is None or values[1] is None:
        return False
    return not any(value in values[1] for value in values[0])


def _kinds(schema: Schema) -> list[str]:
    return types_of(schema) or [type_of(value) for value in listed_values(schema) or ()]


def listed_values(schema: Any) -> list[Any] | None:
    """The values of `const` or `enum` that satisfy the keywords beside it; None without a list.
    Raises CannotHold for a pattern beside it: a stranger's pattern may take for ever."""
    if not isinstance(schema, Mapping) or not ("const" in schema or "enum" in schema):
        return None
    if "pattern" in schema:
        raise CannotHold("pattern", "beside a list of values it cannot be held")
    from jsonschema import Draft202012Validator

    values = [schema["const"]] if "const" in schema else list(schema["enum"])
    # A bool as a bound is draft 4's, and says nothing by itself.
    beside = {
        name: it
        for name, it in schema.items()
        if name in _BESIDE_A_LIST and not (isinstance(it, bool) and name in KEYWORDS_OF["number"])
    }
    validator = Draft202012Validator(beside)
    return [value for value in values if validator.is_valid(value)]
