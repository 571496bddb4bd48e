"""Strings inside JSON: their characters, and how many of them there may be.

Characters that JSON must escape are written as their short escapes and never by their number: every
other character can stand for itself, and a lone surrogate could not be sent on.
"""

from __future__ import annotations

from collections.abc import Iterable

from inference.prompts.schemas.characters import PLAIN, without
from inference.prompts.schemas.ebnf import RuleBook, literal, one_of

LONGEST_COUNTED = 256
"""Characters. The engine needs some 6 ms for each place in a counted string, once per engine, on a
vocabulary of 49,000 tokens; longer limits are reported as not held."""

QUOTE = '"\\""'
ESCAPED = '"\\\\" ["\\\\/bfnrt]'
# The negated class is the one XGrammar knows best.
_ANY_PLAIN = '[^"\\\\\\x00-\\x1f]'


def any_string(book: RuleBook) -> str:
    """A string of any length."""
    return book.rule("string", f"{QUOTE} {_ANY_PLAIN}* ( {ESCAPED} {_ANY_PLAIN}* )* {QUOTE}")


def counted_string(book: RuleBook, least: int, most: int | None) -> str:
    """A string of `least` to `most` characters, both at most LONGEST_COUNTED. All counted strings
    of a grammar share one chain of rules."""
    if least == 0 and most is None:
        return any_string(book)
    if most is None:
        rest = book.rule("string_rest", f"{_ANY_PLAIN}* ( {ESCAPED} {_ANY_PLAIN}* )* {QUOTE}")
    else:
        rest = QUOTE
        for _ in range(most - least):
            rest = book.rule("up_to", f"{QUOTE} | {_ANY_PLAIN} {rest} | {ESCAPED} {rest}")
    for _ in range(least):
        rest = book.rule("exactly", f"{_ANY_PLAIN} {rest} | {ESCAPED} {rest}")
    return f"{QUOTE} {rest}"


def other_string(book: RuleBook, taken: Iterable[str]) -> str:
    """A string that is none of those `taken`: the keys an object may have beside its own."""
    rest = book.rule("string_rest", f"{_ANY_PLAIN}* ( {ESCAPED} {_ANY_PLAIN}* )* {QUOTE}")
    return f"{QUOTE} {_not_these(book, sorted(set(taken)), rest)}"


def _not_these(book: RuleBook, names: list[str], rest: str) -> str:
    """What may follow so that the whole is not one of `names`, of which the beginning stands
    already."""
    following: dict[str, list[str]] = {}
    for name in names:
        if name:
            following.setdefault(name[0], []).append(name[1:])
    options = [] if "" in names else [QUOTE]
    options.append(f"{one_of(without(PLAIN, map(ord, following)))} {rest}")
    for character, ends in following.items():
        if any(low <= ord(character) <= high for low, high in PLAIN):
            options.append(f"{literal(character)} {_not_these(book, ends, rest)}")
    return book.rule("other", " | ".join(options))
