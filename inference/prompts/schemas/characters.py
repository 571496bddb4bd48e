"""Sets of characters: ranges of code points, and the classes of regular expressions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]
"""Sorted, separate ranges of code points, both ends included."""

LAST_CHARACTER = 0x10FFFF

PLAIN: Ranges = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, LAST_CHARACTER))
"""The characters that stand for themselves inside a JSON string."""


_ALL: Ranges = ((0, LAST_CHARACTER),)
_BEYOND_ASCII: Ranges = ((0x80, LAST_CHARACTER),)
_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_RARE_SPACE: Ranges = (
    (0x1C, 0x1F), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E),
    (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Class:
    """A set of characters in two readings, because dialects disagree on what lies beyond ASCII:
    `narrow` is in the class for all of them, `wide` for any. Only `narrow` is ever made."""

    narrow: Ranges
    wide: Ranges

    def negated(self) -> Class:
        """The characters that are not in it."""
        return Class(complement(self.wide, _ALL), complement(self.narrow, _ALL))

    def with_(self, other: Class) -> Class:
        """The characters of both."""
        return Class(normal(self.narrow + other.narrow), normal(self.wide + other.wide))


def without(ranges: Ranges, taken: Iterable[int]) -> Ranges:
    """The characters of `ranges` but for those `taken`."""
    left: list[tuple[int, int]] = []
    points = sorted(set(taken))
    for low, high in ranges:
        start = low
        for point in points:
            if start <= point <= high:
                left += [(start, point - 1)] if point > start else []
                start = point + 1
        left += [(start, high)] if start <= high else []
    return tuple(left)


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, without overlaps."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges, within: Ranges) -> Ranges:
    """The characters of `within` that are not in `ranges`."""
    left = list(within)
    for low, high in ranges:
        kept: list[tuple[int, int]] = []
        for start, end in left:
            kept += [(start, min(end, low - 1))] if start < low else []
            kept += [(max(start, high + 1), end)] if end > high else []
        left = kept
    return normal(left)


def intersection(first: Ranges, second: Ranges) -> Ranges:
    """The characters in both."""
    return complement(complement(first, ((0, LAST_CHARACTER),)), second)


CLASSES = {
    "d": Class(_DIGIT, _DIGIT + _BEYOND_ASCII),
    "w": Class(_WORD, _WORD + _BEYOND_ASCII),
    "s": Class(_SPACE, normal(_SPACE + _RARE_SPACE)),
}
