"""Regular expressions as grammars of what a JSON string may hold.

JSON Schema's patterns are ECMAScript's; what has no counterpart in a grammar (look-around, back
references, word boundaries, properties of Unicode) is refused. A pattern only has to be found
somewhere in the string, so one without anchors may have any text around it. Where a pattern leaves
the choice wide (`.`, `\\S`, a negated class) characters that JSON would escape are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.prompts.schemas.characters import (
    CLASSES,
    LAST_CHARACTER,
    PLAIN,
    Class,
    Ranges,
    intersection,
)
from inference.prompts.schemas.ebnf import EMPTY, either, literal, one_of, repeated, sequence

LONGEST_PATTERN = 2_000
MOST_REPEATS = 1_000
DEEPEST = 50

_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B, "0": 0x00}
_JSON_ESCAPES = {0x22: '"', 0x5C: "\\", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 0x09: "t"}


class NotExpressible(Exception):
    """The pattern is none, or asks for what a grammar cannot say; the text names it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The one part of a pattern whose length may vary: `unit`, one character, so many times,
    between parts of fixed length."""

    before: str
    unit: str
    least: int
    most: int | None
    after: str


@dataclass(frozen=True, slots=True)
class Piece:
    """An expression for part of a pattern, with the lengths (in characters) of what it matches;
    `most` None = without end. `begins` and `ends` say that it holds an anchor."""

    expression: str
    least: int
    most: int | None
    begins: bool = False
    ends: bool = False
    repeat: Repeat | None = None


def fitted(piece: Piece, least: int, most: int | None) -> Piece:
    """The piece with lengths within `least` and `most`, if it is of a form that allows it."""
    it = piece.repeat
    if it is None:
        return piece
    fixed = piece.least - it.least
    low = max(it.least, least - fixed)
    highs = [high for high in (it.most, None if most is None else most - fixed) if high is not None]
    high = min(highs, default=None)
    if high is not None and high < low:
        return piece
    text = sequence(it.before, repeated(it.unit, low, high), it.after)
    return Piece(text, fixed + low, None if high is None else fixed + high)


def string_with(pattern: str) -> Piece:
    """What stands between the quotes of a string in which `pattern` is found. Raises
    NotExpressible."""
    if len(pattern) > LONGEST_PATTERN:
        raise NotExpressible(f"it is longer than {LONGEST_PATTERN} characters")
    reader = _Reader(pattern)
    options = reader.alternatives(depth=0)
    if reader.at < len(pattern):
        raise NotExpressible("a bracket is closed that was not opened")
    around = repeated(one_of(PLAIN), 0, None)
    if len(options) == 1 and options[0].begins and options[0].ends:
        return options[0]
    whole = [
        Piece(
            sequence(
                EMPTY if piece.begins else around,
                piece.expression,
                EMPTY if piece.ends else around,
            ),
            piece.least,
            piece.most if piece.begins and piece.ends else None,
        )
        for piece in options
    ]
    return _any_of(whole)


class _Reader:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def alternatives(self, depth: int) -> list[Piece]:
        """a|b|c"""
        if depth > DEEPEST:
            raise NotExpressible("its groups are nested too deeply")
        options = [self._sequence(depth)]
        while self._take("|"):
            options.append(self._sequence(depth))
        return options

    def _sequence(self, depth: int) -> Piece:
        parts: list[Piece] = []
        while self.at < len(self._pattern) and self._pattern[self.at] not in "|)":
            parts.append(self._quantified(self._atom(depth)))
        # An anchor means the same at the edge and nothing a grammar could say elsewhere.
        for place, part in enumerate(parts):
            if (part.begins and place > 0) or (part.ends and place < len(parts) - 1):
                raise NotExpressible("an anchor stands inside of it")
        return Piece(
            sequence(*[part.expression for part in parts]),
            sum(part.least for part in parts),
            _sum([part.most for part in parts]),
            bool(parts) and parts[0].begins,
            bool(parts) and parts[-1].ends,
            _repeat_of(parts),
        )

    def _atom(self, depth: int) -> Piece:
        character = self._next()
        if character == "^":
            return Piece(EMPTY, 0, 0, begins=True)
        if character == "$":
            return Piece(EMPTY, 0, 0, ends=True)
        if character == "(":
            return self._group(depth)
        if character == "[":
            return _of_class(*self._class())
        if character == ".":
            return _one(PLAIN)
        if character == "\\":
            return self._escape()
        if character in "*+?":
            raise NotExpressible(f"{character} has nothing to repeat")
        return _one_exactly(ord(character))

    def _group(self, depth: int) -> Piece:
        if self._take("?"):
            if self._take("<"):
                if self._pattern[self.at : self.at + 1] in ("=", "!"):
                    raise NotExpressible("look-behind")
                self._until(">")
            elif self._pattern[self.at : self.at + 1] in ("=", "!"):
                raise NotExpressible("look-ahead")
            elif not self._take(":"):
                raise NotExpressible("a group with flags")
        options = self.alternatives(depth + 1)
        if not self._take(")"):
            raise NotExpressible("a bracket is not closed")
        return _any_of(options)

    def _quantified(self, piece: Piece) -> Piece:
        bounds = self._quantifier()
        if bounds is None:
            return piece
        least, most = bounds
        self._take("?")
        if piece.begins or piece.ends:
            raise NotExpressible("an anchor is repeated")
        if piece.expression == EMPTY:
            return piece
        return Piece(
            repeated(piece.expression, least, most),
            piece.least * least,
            None if most is None or piece.most is None else piece.most * most,
            repeat=Repeat(EMPTY, piece.expression, least, most, EMPTY)
            if piece.least == piece.most == 1
            else None,
        )

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        end = self._pattern.find("}", self.at)
        if not self._pattern.startswith("{", self.at) or end < 0:
            return None
        low, comma, high = self._pattern[self.at + 1 : end].partition(",")
        if not low.isdecimal() or not (high.isdecimal() or not high):
            return None  # a brace that is only a character
        self.at = end + 1
        least = int(low)
        most = least if not comma else int(high) if high else None
        if least > MOST_REPEATS or (most or 0) > MOST_REPEATS:
            raise NotExpressible(f"it repeats something more than {MOST_REPEATS} times")
        if most is not None and most < least:
            raise NotExpressible("it repeats from more to fewer times")
        return least, most

    def _escape(self) -> Piece:
        character = self._next()
        if character.lower() in CLASSES:
            return _of_class(self._escaped_class(character), is_wide=True)
        return _one_exactly(self._escaped_point(character))

    def _escaped_class(self, character: str) -> Class:
        found = CLASSES[character.lower()]
        return found.negated() if character.isupper() else found

    def _escaped_point(self, character: str) -> int:
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character == "c":
            return ord(self._next()) % 32
        if character in "xu":
            return self._hexadecimal(character)
        if character in "bBkpP" or character.isdecimal() or character.isalpha():
            raise NotExpressible(f"\\{character}")
        return ord(character)

    def _hexadecimal(self, kind: str) -> int:
        if kind == "u" and self._take("{"):
            digits = self._until("}")
        else:
            count = 2 if kind == "x" else 4
            digits = self._pattern[self.at : self.at + count]
            self.at += count
        try:
            point = int(digits, 16)
        except ValueError:
            raise NotExpressible(f"\\{kind}{digits}") from None
        if point > LAST_CHARACTER or 0xD800 <= point <= 0xDFFF:
            raise NotExpressible(f"\\{kind}{digits}")
        return point

    def _class(self) -> tuple[Class, bool]:
        """The characters of [...], and whether it was written as those it excludes."""
        is_negated = self._take("^")
        found = Class((), ())
        while not self._take("]"):
            member = self._class_member()
            follows = self._pattern[self.at + 1 : self.at + 2]
            if (
                isinstance(member, int)
                and self._pattern.startswith("-", self.at)
                and follows != "]"
            ):
                self.at += 1
                high = self._class_member()
                if not isinstance(high, int) or high < member:
                    raise NotExpressible("a class with a range that is none")
                found = found.with_(Class(((member, high),), ((member, high),)))
            elif isinstance(member, int):
                found = found.with_(Class(((member, member),), ((member, member),)))
            else:
                found = found.with_(member)
        return (found.negated(), True) if is_negated else (found, False)

    def _class_member(self) -> int | Class:
        """A character's code point, or a class inside of one."""
        character = self._next()
        if character != "\\":
            return ord(character)
        escaped = self._next()
        if escaped.lower() in CLASSES:
            return self._escaped_class(escaped)
        return 0x08 if escaped == "b" else self._escaped_point(escaped)

    def _next(self) -> str:
        if self.at >= len(self._pattern):
            raise NotExpressible("it ends too early")
        self.at += 1
        return self._pattern[self.at - 1]

    def _take(self, text: str) -> bool:
        if self._pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _until(self, mark: str) -> str:
        end = self._pattern.find(mark, self.at)
        if end < 0:
            raise NotExpressible(f"no {mark} where one must be")
        text, self.at = self._pattern[self.at : end], end + 1
        return text


def _one(ranges: Ranges) -> Piece:
    return Piece(one_of(ranges), 1, 1)


def _of_class(found: Class, is_wide: bool) -> Piece:
    """One character of a class. Those that JSON escapes are kept only where they are named."""
    ranges = found.narrow
    plain = intersection(ranges, PLAIN)
    options = [one_of(plain)] if plain else []
    if not is_wide:
        named = [point for point in _JSON_ESCAPES if any(a <= point <= b for a, b in ranges)]
        options += map(_point, named)
    if not options:
        raise NotExpressible("a class that no character of a string is in")
    return Piece(either(options), 1, 1)


def _one_exactly(point: int) -> Piece:
    return Piece(_point(point), 1, 1)


def _point(point: int) -> str:
    if point in _JSON_ESCAPES:
        return literal("\\" + _JSON_ESCAPES[point])
    if point < 0x20:
        return literal(f"\\u{point:04x}")
    return literal(chr(point))


def _any_of(options: list[Piece]) -> Piece:
    if len(options) == 1:
        return options[0]
    if len({(piece.begins, piece.ends) for piece in options}) > 1:
        raise NotExpressible("some of its alternatives have an anchor and some have none")
    mosts = [piece.most for piece in options]
    most = None if any(it is None for it in mosts) else max(it for it in mosts if it is not None)
    return replace(
        options[0],
        expression=either([piece.expression for piece in options]),
        least=min(piece.least for piece in options),
        most=most,
        repeat=None,
    )


def _repeat_of(parts: list[Piece]) -> Repeat | None:
    """The only part of varying length, with what stands around it."""
    varying = [place for place, part in enumerate(parts) if part.least != part.most]
    if len(varying) != 1 or parts[varying[0]].repeat is None:
        return None
    (place,), it = varying, parts[varying[0]].repeat
    assert it is not None, "looked at above"
    before = sequence(*[part.expression for part in parts[:place]], it.before)
    after = sequence(it.after, *[part.expression for part in parts[place + 1 :]])
    return replace(it, before=before, after=after)


def _sum(numbers: list[int | None]) -> int | None:
    return (
        None if any(it is None for it in numbers) else sum(it for it in numbers if it is not None)
    )
