"""A grammar's text read back into its parts: the dialect that `ebnf.py` writes, and no more."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r'\s*(?:(?P<literal>"(?:\\.|[^"\\])*")|(?P<class>\[(?:\\.|[^\]\\])*\])'
    r"|(?P<name>[A-Za-z_]\w*)|(?P<count>\{\d+(?:,\d*)?\})|(?P<sign>[()|*+?]))"
)
_ESCAPE = re.compile(r"\\(?:x(..)|u(.{4})|U(.{8})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True, slots=True)
class Text:
    """Exactly that text."""

    text: str


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a class; `source` is the class as it was written."""

    source: str

    def has(self, character: str) -> bool:
        """Whether the character is in the class."""
        return _matcher(self.source).fullmatch(character) is not None


@dataclass(frozen=True, slots=True)
class Name:
    """The rule of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of them."""

    options: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`least` to `most` times (None = without end)."""

    part: Part
    least: int
    most: int | None


Part = Text | Characters | Name | Sequence | Either | Repeat


@functools.lru_cache(maxsize=16)
def read_grammar(text: str) -> dict[str, Part]:
    """The rules by their names. Raises ValueError for what `ebnf.py` would not write."""
    rules = {}
    for line in text.strip().split("\n"):
        name, arrow, body = line.partition(" ::= ")
        if not arrow:
            raise ValueError("a line of the grammar is no rule")
        rules[name] = _Reader(body).alternatives()
    return rules


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def alternatives(self) -> Part:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self._kind() != "end" and self._text() not in ("|", ")"):
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Part:
        kind, text = self._kind(), self._text()
        self._at += 1
        match kind:
            case "literal":
                return Text(_ESCAPE.sub(_meant, text[1:-1]))
            case "class":
                return Characters(text)
            case "name":
                return Name(text)
        inside = self.alternatives()
        if text != "(" or not self._take(")"):
            raise ValueError(f"{text!r} in a grammar")
        return inside

    def _repeated(self, part: Part) -> Part:
        text = self._text()
        if self._kind() == "count":
            low, comma, high = text[1:-1].partition(",")
            bounds = (int(low), int(low) if not comma else int(high) if high else None)
        elif self._kind() == "sign" and text in _SIGNS:
            bounds = _SIGNS[text]
        else:
            return part
        self._at += 1
        return Repeat(part, *bounds)

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _text(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, sign: str) -> bool:
        if self._kind() == "sign" and self._text() == sign:
            self._at += 1
            return True
        return False


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise ValueError(f"{text[at : at + 20]!r} in a grammar")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _meant(found: re.Match[str]) -> str:
    digits = found[1] or found[2] or found[3]
    return chr(int(digits, 16)) if digits else _NAMED.get(found[4], found[4])


@functools.lru_cache(maxsize=512)
def _matcher(source: str) -> re.Pattern[str]:
    """XGrammar's classes are Python's, but for a bracket that opens inside."""
    return re.compile(f"[{source[1:-1].replace('[', chr(92) + '[')}]", re.DOTALL)
