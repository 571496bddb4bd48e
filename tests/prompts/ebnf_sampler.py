"""Random texts of a grammar in our EBNF, made without the engine that will hold a model to it."""

from __future__ import annotations

import random
import re
from typing import Any

TOKEN = re.compile(
    r"""\s*(?:(?P<literal>"(?:\\.|[^"\\])*")|(?P<class>\[(?:\\.|[^\]\\])*\])|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<count>\{\d+(?:,\d*)?\})|(?P<sign>[()|*+?]))"""
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Grammar:
    """The rules of a grammar's text; `sample` makes one text of it."""

    def __init__(self, text: str) -> None:
        self.rules = {}
        for line in text.strip().split("\n"):
            name, _, body = line.partition(" ::= ")
            self.rules[name] = Parser(body).alternatives()

    def sample(self, seed: int, depth: int = 12) -> str:
        return self._make(self.rules["root"], random.Random(seed), depth)

    def _make(self, node: Any, chance: random.Random, depth: int) -> str:
        kind, *parts = node
        if kind == "text":
            return parts[0]
        if kind == "class":
            low, high = chance.choice(parts[0])
            return chr(chance.randint(low, min(high, low + 300)))
        if kind == "rule":
            return self._make(self.rules[parts[0]], chance, depth - 1)
        if kind == "sequence":
            return "".join(self._make(part, chance, depth) for part in parts[0])
        if kind == "either":
            options = parts[0]
            if depth <= 0:
                options = sorted(options, key=lambda it: self._height(it, 0))[:1]
            return self._make(chance.choice(options), chance, depth)
        part, least, most = parts
        more = 0 if depth <= 0 else chance.choice([0, 0, 1, 2, 5])
        times = (
            least + more if most is None else chance.choice([least, most, min(most, least + more)])
        )
        return "".join(
            self._make(part, chance, depth) for _ in range(times if depth > 0 else least)
        )

    def _height(self, node: Any, seen: int) -> int:
        kind, *parts = node
        if seen > 30:
            return 1_000
        if kind == "rule":
            return 1 + self._height(self.rules[parts[0]], seen + 1)
        if kind == "sequence":
            return max((self._height(part, seen + 1) for part in parts[0]), default=0)
        if kind == "either":
            return min(self._height(part, seen + 1) for part in parts[0])
        if kind == "repeat":
            return self._height(parts[0], seen + 1) if parts[1] else 0
        return 0


class Parser:
    """Recursive descent over one rule's expression."""

    def __init__(self, text: str) -> None:
        self.tokens = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            assert found, text[at : at + 40]
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def alternatives(self) -> Any:
        options = [self.sequence()]
        while self.peek()[1] == "|":
            self.take()
            options.append(self.sequence())
        return options[0] if len(options) == 1 else ("either", options)

    def sequence(self) -> Any:
        parts = []
        while self.peek()[0] != "end" and self.peek()[1] not in ("|", ")"):
            parts.append(self.repeated(self.atom()))
        return ("sequence", parts)

    def atom(self) -> Any:
        kind, text = self.take()
        if kind == "literal":
            return ("text", unescape(text[1:-1]))
        if kind == "class":
            return ("class", class_ranges(text[1:-1]))
        if kind == "name":
            return ("rule", text)
        assert text == "(", text
        inside = self.alternatives()
        assert self.take()[1] == ")"
        return inside

    def repeated(self, part: Any) -> Any:
        kind, text = self.peek()
        if kind == "count":
            self.take()
            low, comma, high = text[1:-1].partition(",")
            most = int(low) if not comma else int(high) if high else None
            return ("repeat", part, int(low), most)
        if kind == "sign" and text in "*+?":
            self.take()
            return ("repeat", part, int(text == "+"), 1 if text == "?" else None)
        return part


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text)


def class_ranges(text: str) -> list[tuple[int, int]]:
    """The ranges of a class; of a negated one, the printable ones of ASCII and some beyond."""
    negated = text.startswith("^")
    points = []
    body = text.removeprefix("^")
    member = re.compile(r"\\x(..)|\\u(....)|\\U(........)|\\(.)|(.)", re.DOTALL)
    marks = []
    for found in member.finditer(body):
        digits = found[1] or found[2] or found[3]
        if digits:
            marks.append(int(digits, 16))
        elif found[4]:
            marks.append(ord(ESCAPES.get(found[4], found[4])))
        else:
            marks.append("-" if found[5] == "-" else ord(found[5]))
    at = 0
    while at < len(marks):
        if at + 2 < len(marks) and marks[at + 1] == "-":
            points.append((marks[at], marks[at + 2]))
            at += 3
        else:
            points.append((marks[at] if marks[at] != "-" else 45,) * 2)
            at += 1
    if not negated:
        return points
    excluded = {point for low, high in points for point in range(low, high + 1)}
    return [
        (point, point)
        for point in [*range(0x20, 0x7F), 0xE4, 0x65E5, 0x1F600]
        if point not in excluded
    ]
