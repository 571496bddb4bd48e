"""Pieces of XGrammar's EBNF, as text: literals, classes, repetitions, and a book of rules.

Shapes matter more than length: XGrammar computes a mask over the vocabulary for every place in a
grammar, once, and must look again at run time wherever a token can reach over the end of a rule.
Measured with 2026.4: `(class | escape)*` costs 20 ms a token, the same as a rule that calls itself
at its end costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from inference.prompts.schemas.characters import Ranges

MOST_RULES = 20_000

EMPTY = '""'
_ATOM = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[A-Za-z_]\w*')
# Where a value holds the text of a special token, the model could write that token, and it would
# not be seen in the answer.
_LIKE_A_SPECIAL_TOKEN = re.compile(r"<(?=[|/A-Za-z_\uff5c])")


class TooLarge(Exception):
    """The grammar has more rules than the engine should be asked to compile."""


class RuleBook:
    """The rules of one grammar. Equal expressions share a rule, so that the engine computes their
    masks once."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def rule(self, hint: str, expression: str) -> str:
        """The name of a rule for that expression."""
        if expression not in self._names:
            name = self.new_name(hint)
            self._names[expression] = name
            self._rules[name] = expression
        return self._names[expression]

    def new_name(self, hint: str) -> str:
        """A name not yet taken; `define` gives it its expression."""
        if len(self._rules) >= MOST_RULES:
            raise TooLarge
        name = f"{hint}_{len(self._rules)}"
        self._rules[name] = EMPTY
        return name

    def define(self, name: str, expression: str) -> None:
        """What a new name stands for."""
        self._rules[name] = expression

    def text(self, root: str) -> str:
        """The whole grammar; `root` is an expression."""
        lines = [f"root ::= {root}"]
        lines += [f"{name} ::= {expression}" for name, expression in self._rules.items()]
        return "\n".join(lines) + "\n"


def literal(text: str) -> str:
    """Exactly that text. Every character beyond ASCII stands alone: XGrammar 2026.4 writes it as
    hexadecimal digits and reads a following digit with them."""
    pieces = re.findall(r"[\x00-\x7f]+|[^\x00-\x7f]", text)
    return sequence(*[_quoted(piece) for piece in pieces]) if pieces else EMPTY


def json_literal(value: Any) -> str:
    """Exactly that value, as JSON on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return literal(_LIKE_A_SPECIAL_TOKEN.sub(r"\\u003c", text))


def sequence(*parts: str) -> str:
    """One after the other."""
    kept = [part for part in parts if part != EMPTY]
    return " ".join(kept) if kept else EMPTY


def either(options: Iterable[str]) -> str:
    """Any one of the options; there must be one."""
    distinct = list(dict.fromkeys(options))
    return distinct[0] if len(distinct) == 1 else f"( {' | '.join(distinct)} )"


def repeated(part: str, least: int, most: int | None) -> str:
    """That part, `least` to `most` times (None = without end)."""
    if most == 0 or part == EMPTY:
        return EMPTY
    if (least, most) == (1, 1):
        return part
    group = part if _ATOM.fullmatch(part) else f"( {part} )"
    if (least, most) == (0, 1):
        return f"{group}?"
    if most is None:
        return f"{group}*" if least == 0 else f"{group}{{{least},}}"
    return f"{group}{{{least},{most}}}"


def one_of(ranges: Ranges) -> str:
    """One character of those; there must be one."""
    parts = [
        _class_character(low)
        if low == high
        else f"{_class_character(low)}-{_class_character(high)}"
        for low, high in ranges
    ]
    return f"[{''.join(parts)}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for character, name in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(character, name)
    return f'"{escaped}"'


def _class_character(point: int) -> str:
    if chr(point).isascii() and chr(point).isalnum():
        return chr(point)
    return f"\\U{point:08x}" if point > 0xFFFF else f"\\u{point:04x}"
