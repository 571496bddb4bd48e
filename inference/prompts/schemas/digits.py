"""Strings of digits between bounds, as an expression that reads each digit one way only.

Written as alternatives that begin alike (`[1-9] [0-9] | [1-9] [0-9] [0-9] | "7" [2-9]`), XGrammar
(GenAI 2026.4) took numbers of any length; branching digit by digit it keeps to the bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from inference.prompts.schemas.ebnf import EMPTY, either, repeated, sequence


@dataclass(frozen=True, slots=True)
class Span:
    """The strings of digits from `low` to `high`, which are of one length, then as many zeros, then
    what `tail` describes: something that begins with no digit, or, if the spans beside it have no
    longer strings that begin alike, with anything."""

    low: str
    high: str
    zeros: int = 0
    tail: str = EMPTY

    def after(self, digit: str) -> Span | None:
        """What is left behind that digit, None if no string begins with it."""
        if not self.low:
            is_zero = self.zeros > 0 and digit == "0"
            return Span("", "", self.zeros - 1, self.tail) if is_zero else None
        if not self.low[0] <= digit <= self.high[0]:
            return None
        rest = len(self.low) - 1
        low = self.low[1:] if digit == self.low[0] else "0" * rest
        high = self.high[1:] if digit == self.high[0] else "9" * rest
        return Span(low, high, self.zeros, self.tail)


def whole(low: int, high: int, *, zeros: int = 0, tail: str = EMPTY) -> Iterator[Span]:
    """The numbers from `low` >= 0 to `high`, by their count of digits."""
    for count in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (count - 1) if count > 1 else 0)
        last = min(high, 10**count - 1)
        yield Span(str(first), str(last), zeros, tail)


Share = Callable[[str], str]
"""Gives an expression a name to be written in its place."""


def spelled(spans: Iterable[Span], share: Share = str) -> str:
    """All that any of the spans holds; there must be one. `share` is worth its while where the same
    rest comes up in many places: with zeros at the end the expression doubles with each digit."""
    known: dict[frozenset[Span], str] = {}

    def spell(spans: frozenset[Span]) -> str:
        if spans not in known:
            known[spans] = _branches(spans, spell)
            if known[spans] != EMPTY:
                known[spans] = share(known[spans])
        return known[spans]

    return spell(frozenset(spans))


def _branches(spans: frozenset[Span], spell: Callable[[frozenset[Span]], str]) -> str:
    tails = {span.tail for span in spans if not span.low and not span.zeros}
    options = sorted(tails - {EMPTY})
    following: dict[frozenset[Span], str] = {}
    for digit in "0123456789":
        left = frozenset(rest for span in spans if (rest := span.after(digit)) is not None)
        if left:
            following[left] = following.get(left, "") + digit
    options += [sequence(_one_of(digits), spell(left)) for left, digits in following.items()]
    if not options:
        return EMPTY
    return repeated(either(options), 0, 1) if EMPTY in tails else either(options)


def _one_of(digits: str) -> str:
    if len(digits) == 1:
        return f'"{digits}"'
    if int(digits[-1]) - int(digits[0]) == len(digits) - 1:
        return f"[{digits[0]}-{digits[-1]}]"
    return f"[{digits}]"
