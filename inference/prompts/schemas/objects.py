"""Objects inside JSON: declared members in their order, then others if the schema invites them.

Members beyond the declared ones are left out unless additionalProperties gives them a schema: they
may be there, and need not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inference.prompts.schemas.ebnf import EMPTY, RuleBook, json_literal, repeated, sequence
from inference.prompts.schemas.kinds import listed_values
from inference.prompts.schemas.references import CannotHold, Schema
from inference.prompts.schemas.strings import any_string, other_string

OPEN, COMMA, COLON, CLOSE = '"{"', '", "', '": "', '"}"'
MOST_COUNTED = 1_000
REFUSED = ("dependentRequired", "dependentSchemas", "dependencies")

Value = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class _Member:
    text: str
    is_required: bool


def any_object(book: RuleBook, any_value: str) -> str:
    """An object of any members."""
    return _map(f"{any_string(book)} {COLON} {any_value}", 0, None)


def object_(book: RuleBook, schema: Schema, value: Value, key: Value) -> str:
    """An object as the schema says; `key` gives the expression of a schema's strings. Raises
    CannotHold."""
    for keyword in REFUSED:
        if schema.get(keyword):
            raise CannotHold(keyword, "what one member asks of others cannot be held")
    members = _members(schema, value)
    other = _other_member(book, schema, value, key)
    least, most = int(schema.get("minProperties", 0)), schema.get("maxProperties")
    required = sum(member.is_required for member in members)
    if most is not None and required > most:
        raise CannotHold("maxProperties", "more members are required")
    if not members:
        if not other and least:
            raise CannotHold("minProperties", "there are no members to have")
        if least > 1:
            raise CannotHold("minProperties", "members of one name cannot be told apart")
        return _map(other, least, None if most is None else int(most)) if other else '"{}"'
    if least > required or (most is not None and (other or most < len(members))):
        if other:
            name = "minProperties" if least > required else "maxProperties"
            raise CannotHold(name, "beside additionalProperties it cannot be counted")
        return _counted(book, members, least, len(members) if most is None else int(most))
    return _in_order(book, members, other)


def _members(schema: Schema, value: Value) -> list[_Member]:
    properties = schema.get("properties") or {}
    required = list(schema.get("required") or ())
    if not properties and isinstance(names := schema.get("propertyNames"), Mapping):
        # Names out of a list are members like declared ones.
        extra = schema.get("additionalProperties", True)
        listed = listed_values({"type": "string", **names})
        if listed is not None and extra is not False:
            properties = dict.fromkeys(listed, extra)
    missing = [name for name in required if name not in properties]
    extra = schema.get("additionalProperties", True)
    if missing and extra is False:
        raise CannotHold("required", f"{missing[0][:60]!r} is not among the properties")
    declared = {**properties, **dict.fromkeys(missing, extra)}
    members = []
    for name, content in declared.items():
        if content is False:
            if name in required:
                raise CannotHold("required", f"{name[:60]!r} may not be there")
            continue
        text = sequence(json_literal(name), COLON, value(content))
        members.append(_Member(text, name in required))
    return members


def _other_member(book: RuleBook, schema: Schema, value: Value, key: Value) -> str:
    """A member that is not declared, "" if there is to be none."""
    names = schema.get("properties") or {}
    extra = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
    patterns = schema.get("patternProperties") or {}
    name_schema = schema.get("propertyNames", True)
    if patterns:
        if names or schema.get("required") or len(patterns) > 1 or name_schema is not True:
            raise CannotHold("patternProperties", "only one alone can be held")
        ((pattern, content),) = patterns.items()
        if content is False:
            return ""
        return sequence(key({"type": "string", "pattern": pattern}), COLON, value(content))
    if name_schema is not True:
        if names:
            raise CannotHold("propertyNames", "beside properties it cannot be held")
        if name_schema is False or extra is False or {"enum", "const"} & set(name_schema):
            return ""
        return sequence(key({"type": "string", **name_schema}), COLON, value(extra))
    if not _invites_others(schema, extra):
        return ""
    taken = [*names, *(schema.get("required") or ())]
    name = other_string(book, taken) if taken else any_string(book)
    return sequence(name, COLON, value(extra))


def _invites_others(schema: Schema, extra: Any) -> bool:
    if extra is False:
        return False
    if schema.get("properties") or schema.get("required"):
        return isinstance(extra, Mapping) and bool(extra)
    # An empty list of properties says that there are none.
    return "properties" not in schema or "additionalProperties" in schema


def _in_order(book: RuleBook, members: list[_Member], other: str) -> str:
    """Members in their order, optional ones or not, then others."""
    after = repeated(f"{COMMA} {other}", 0, None) if other else EMPTY
    first = repeated(f"{other} {after}", 0, 1) if other else EMPTY
    is_free = True
    for member in reversed(members):
        here = sequence(member.text, after)
        if member.is_required:
            first, is_free = here, False
        else:
            rest = f"( {first} )" if not is_free else first
            first = f"{here} | {rest}" if rest != EMPTY else f"( {here} )?"
            first = book.rule("members", first)
        after = book.rule("more", _then(member, after))
    return sequence(OPEN, book.rule("members", first), CLOSE)


def _then(member: _Member, after: str) -> str:
    text = f"{COMMA} {member.text}"
    return sequence(text if member.is_required else f"( {text} )?", after)


def _counted(book: RuleBook, members: list[_Member], least: int, most: int) -> str:
    """Some of the members, in their order."""
    if least > len(members):
        raise CannotHold("minProperties", "there are fewer members")
    known: dict[tuple[int, int], str] = {}

    def after(place: int, written: int) -> str | None:
        """What may follow; None if the count can no longer be reached."""
        still_required = sum(member.is_required for member in members[place:])
        if written + still_required > most or written + len(members) - place < least:
            return None
        if place == len(members):
            return EMPTY
        if (place, written) not in known:
            member = members[place]
            options = []
            taken = after(place + 1, written + 1)
            if taken is not None:
                options.append(sequence(COMMA if written else EMPTY, member.text, taken))
            left = None if member.is_required else after(place + 1, written)
            options += [left] if left is not None else []
            known[place, written] = book.rule("counted", " | ".join(options))
        return known[place, written]

    body = after(0, 0)
    assert body is not None, "required members and counts were checked"
    return sequence(OPEN, body, CLOSE)


def _map(member: str, least: int, most: int | None) -> str:
    if most == 0:
        return '"{}"'
    if max(least, most or 0) > MOST_COUNTED:
        raise CannotHold("maxProperties" if most else "minProperties", f"above {MOST_COUNTED}")
    more = repeated(f"{COMMA} {member}", max(0, least - 1), None if most is None else most - 1)
    return sequence(OPEN, repeated(sequence(member, more), 1 if least else 0, 1), CLOSE)
