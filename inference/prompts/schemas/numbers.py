"""Numbers between bounds, digit by digit.

Whole numbers have at most 15 digits, which every JSON reader keeps exactly, unless the bounds ask
for more; fractions at most 15 digits. Only numbers without bounds may have an exponent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from inference.prompts.schemas.digits import Share, Span, spelled, whole
from inference.prompts.schemas.ebnf import either, literal, repeated, sequence

MOST_DIGITS = 15
MOST_LISTED = 500

ANY_INTEGER = '"-"? ( "0" | [1-9] [0-9]{0,14} )'
ANY_NUMBER = f'{ANY_INTEGER} ( "." [0-9]{{1,15}} )? ( [eE] [+-]? [0-9]{{1,2}} )?'


@dataclass(frozen=True, slots=True)
class Bounds:
    """None = not bounded. Exact: JSON's numbers as they were written."""

    low: Decimal | None = None
    high: Decimal | None = None
    is_low_excluded: bool = False
    is_high_excluded: bool = False

    def mirrored(self) -> Bounds:
        """The bounds of the negated numbers."""
        return Bounds(
            None if self.high is None else -self.high,
            None if self.low is None else -self.low,
            self.is_high_excluded,
            self.is_low_excluded,
        )


class Unsatisfiable(Exception):
    """No number lies within the bounds."""


class TooMany(Exception):
    """Multiples that cannot be told by their digits, and too many to list."""


def integers(bounds: Bounds, share: Share = str) -> str:
    """Whole numbers within the bounds. Raises Unsatisfiable."""
    if bounds.low is None and bounds.high is None:
        return ANY_INTEGER
    low, high = _whole(bounds)
    return _either_sign(low, high, share=share)


def multiples(bounds: Bounds, factor: int, share: Share = str) -> str:
    """Whole numbers within the bounds that are multiples of `factor` > 1: powers of ten by their
    last digits, whose parts `share` names; others if they are few enough to list. Raises
    Unsatisfiable and TooMany."""
    low, high = _whole(bounds)
    first, last = -(-low // factor), high // factor
    if first > last:
        raise Unsatisfiable
    zeros = len(str(factor)) - 1
    if factor == 10**zeros:
        return _either_sign(first, last, zeros, share)
    is_open = bounds.low is None or bounds.high is None
    if is_open or last - first >= MOST_LISTED:
        raise TooMany
    return either(literal(str(number * factor)) for number in range(first, last + 1))


def numbers(bounds: Bounds, share: Share = str) -> str:
    """Numbers within the bounds. Raises Unsatisfiable."""
    if bounds.low is None and bounds.high is None:
        return ANY_NUMBER
    options = []
    if bounds.high is None or bounds.high >= 0:
        options += _from_zero(bounds, share)
    if bounds.low is None or bounds.low < 0:
        below = bounds.mirrored()
        if below.low is None or below.low <= 0:
            # Zero has no sign.
            below = Bounds(Decimal(0), below.high, True, below.is_high_excluded)
        options += [f'"-" {option}' for option in _from_zero(below, share)]
    if not options:
        raise Unsatisfiable
    return either(options)


def _whole(bounds: Bounds) -> tuple[int, int]:
    """The lowest and the highest whole number. An open end lies far beyond the other."""
    low = None if bounds.low is None else math.ceil(bounds.low)
    high = None if bounds.high is None else math.floor(bounds.high)
    if low is not None:
        low += bounds.is_low_excluded and low == bounds.low
    if high is not None:
        high -= bounds.is_high_excluded and high == bounds.high
    far = 10 ** max([MOST_DIGITS, *(len(str(abs(end))) + 1 for end in (low, high) if end)]) - 1
    low, high = -far if low is None else low, far if high is None else high
    if low > high:
        raise Unsatisfiable
    return low, high


def _either_sign(low: int, high: int, zeros: int = 0, share: Share = str) -> str:
    """Whole numbers between the two, each but 0 with so many zeros behind it."""
    options = []
    if high >= 0:
        spans = list(whole(max(low, 1), high, zeros=zeros)) if high else []
        options.append(spelled([*spans, Span("0", "0")] if low <= 0 else spans, share))
    if low < 0:
        options.append(f'"-" {spelled(whole(max(-high, 1), -low, zeros=zeros), share)}')
    return either(options)


def _from_zero(bounds: Bounds, share: Share) -> list[str]:
    """Numbers from zero on, as WHOLE and WHOLE.DECIMALS. A whole part between the bounds leaves
    the decimals free; at a bound they are bounded too."""
    low = max(bounds.low or Decimal(0), Decimal(0))
    is_low_excluded = bounds.is_low_excluded and low == bounds.low
    far = 10 ** max(MOST_DIGITS, len(str(math.floor(low))) + 1) - 1
    high = Decimal(far) if bounds.high is None else bounds.high
    inside = Bounds(low, high, is_low_excluded, bounds.is_high_excluded)
    try:
        spans = list(whole(*_whole(inside)))
    except Unsatisfiable:
        spans = []
    if low > high:
        return [spelled(spans, share)] if spans else []
    most = _most_decimals(inside)
    first, last = math.floor(low), math.floor(high)
    above, below = _edge(low, is_low_excluded, most), _edge(high, inside.is_high_excluded, most)
    if first == last:
        spans += _with_decimals(first, share, _decimals_between(above, below, most))
    else:
        spans += _with_decimals(first, share, _decimals_between(above, None, most))
        is_open = bounds.high is None
        if (end := last if is_open else last - 1) > first:
            spans += whole(first + 1, end, tail=f'"." {repeated("[0-9]", 1, most)}')
        if not is_open:
            spans += _with_decimals(last, share, _decimals_between(("", False), below, most))
    return [spelled(spans, share)] if spans else []


def _most_decimals(bounds: Bounds) -> int:
    """So few that a reader's floating point cannot round a number onto an excluded bound."""
    excluded = [
        end
        for end, is_excluded in (
            (bounds.low, bounds.is_low_excluded),
            (bounds.high, bounds.is_high_excluded),
        )
        if is_excluded and end is not None
    ]
    return max(1, MOST_DIGITS - max([len(str(math.floor(abs(end)))) for end in excluded] or [0]))


def _with_decimals(number: int, share: Share, decimals: list[Span]) -> list[Span]:
    if not decimals:
        return []
    return [Span(str(number), str(number), tail=f'"." {spelled(decimals, share)}')]


Edge = tuple[str, bool]
"""The decimals of a bound, and whether the bound itself is excluded."""


def _edge(value: Decimal, is_excluded: bool, most: int) -> Edge:
    """More decimals than `most` are cut, and the bound with them."""
    fraction = value - math.floor(value)
    digits = math.floor(fraction * 10**most)
    is_cut = digits != fraction * 10**most
    return f"{digits:0{most}d}".rstrip("0"), is_excluded or is_cut


def _decimals_between(low: Edge, high: Edge | None, most: int) -> list[Span]:
    """Decimals, at least one digit and at most `most`, between two bounds; None = up to the next
    whole number."""
    digits, is_low_excluded = low
    width = max(len(digits), len(high[0]) if high else 0, 1)
    first = int(digits.ljust(width, "0"))
    last = int(high[0].ljust(width, "0")) if high else 10**width
    free = most - width
    spans = []

    def add(least: int, last: int, tail: str) -> None:
        spans.append(Span(f"{least:0{width}d}", f"{last:0{width}d}", tail=tail))

    if first + 1 < last:
        # Whatever begins strictly between the bounds may go on as it likes.
        add(first + 1, last - 1, repeated("[0-9]", 0, free))
    if first < last and not is_low_excluded:
        add(first, first, repeated("[0-9]", 0, free))
    elif first < last and free > 0:
        add(first, first, sequence(repeated("[0-9]", 0, free - 1), "[1-9]"))
    if high and not high[1] and (first < last or not is_low_excluded):
        add(last, last, repeated('"0"', 0, free))
    return spans
