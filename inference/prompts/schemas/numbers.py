"""Numbers between bounds, digit by digit.

Whole numbers have at most 15 digits, which every JSON reader keeps exactly, unless the bounds ask
for more; fractions at most 15 digits. Only numbers without bounds may have an exponent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

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


def integers(bounds: Bounds) -> str:
    """Whole numbers within the bounds. Raises Unsatisfiable."""
    if bounds.low is None and bounds.high is None:
        return ANY_INTEGER
    low, high = _whole(bounds)
    return _either_sign(low, high)


def multiples(bounds: Bounds, factor: int) -> str:
    """Whole numbers within the bounds that are multiples of `factor` > 1: powers of ten by their
    last digits, others if they are few enough to list. Raises Unsatisfiable and TooMany."""
    low, high = _whole(bounds)
    first, last = -(-low // factor), high // factor
    if first > last:
        raise Unsatisfiable
    zeros = len(str(factor)) - 1
    if factor == 10**zeros:
        tens = [_either_sign(first, min(last, -1))] if first < 0 else []
        tens += [_either_sign(max(first, 1), last)] if last > 0 else []
        options = [sequence(ten, literal("0" * zeros)) for ten in tens]
        return either([*options, '"0"'] if first <= 0 <= last else options)
    is_open = bounds.low is None or bounds.high is None
    if is_open or last - first >= MOST_LISTED:
        raise TooMany
    return either(literal(str(number * factor)) for number in range(first, last + 1))


def numbers(bounds: Bounds) -> str:
    """Numbers within the bounds. Raises Unsatisfiable."""
    if bounds.low is None and bounds.high is None:
        return ANY_NUMBER
    options = []
    if bounds.high is None or bounds.high >= 0:
        options += _from_zero(bounds)
    if bounds.low is None or bounds.low < 0:
        below = bounds.mirrored()
        if below.low is None or below.low <= 0:
            # Zero has no sign.
            below = Bounds(Decimal(0), below.high, True, below.is_high_excluded)
        options += [f'"-" {option}' for option in _from_zero(below)]
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


def _either_sign(low: int, high: int) -> str:
    options = []
    if high >= 0:
        options += _digits_between(str(max(low, 0)), str(high))
    if low < 0:
        options += [f'"-" {it}' for it in _digits_between(str(max(-high, 1)), str(-low))]
    return either(options)


def _digits_between(low: str, high: str) -> list[str]:
    """Whole numbers without sign between two such, by their count of digits."""
    options = []
    for count in range(len(low), len(high) + 1):
        first = low if count == len(low) else "1" + "0" * (count - 1)
        last = high if count == len(high) else "9" * count
        options += _same_length(first, last)
    return options


def _same_length(low: str, high: str) -> list[str]:
    """Numbers of as many digits as both have."""
    if not low:
        return ['""']
    if low == "0" * len(low) and high == "9" * len(high):
        return [repeated("[0-9]", len(low), len(low))]
    first, last = int(low[0]), int(high[0])
    if first == last:
        return [sequence(f'"{first}"', it) for it in _same_length(low[1:], high[1:])]
    nines, zeros = "9" * (len(low) - 1), "0" * (len(low) - 1)
    options = []
    if low[1:] != zeros:
        options += [sequence(f'"{first}"', it) for it in _same_length(low[1:], nines)]
        first += 1
    if high[1:] != nines:
        options += [sequence(f'"{last}"', it) for it in _same_length(zeros, high[1:])]
        last -= 1
    if first <= last:
        options.append(sequence(_digit(first, last), repeated("[0-9]", len(zeros), len(zeros))))
    return options


def _digit(low: int, high: int) -> str:
    return f'"{low}"' if low == high else f"[{low}-{high}]"


def _from_zero(bounds: Bounds) -> list[str]:
    """Numbers from zero on, as WHOLE and WHOLE.DECIMALS. A whole part between the bounds leaves
    the decimals free; at a bound they are bounded too."""
    low = max(bounds.low or Decimal(0), Decimal(0))
    is_low_excluded = bounds.is_low_excluded and low == bounds.low
    far = 10 ** max(MOST_DIGITS, len(str(math.floor(low))) + 1) - 1
    high = Decimal(far) if bounds.high is None else bounds.high
    inside = Bounds(low, high, is_low_excluded, bounds.is_high_excluded)
    try:
        options = [_either_sign(*_whole(inside))]
    except Unsatisfiable:
        options = []
    if low > high:
        return options
    most = _most_decimals(inside)
    first, last = math.floor(low), math.floor(high)
    above, below = _edge(low, is_low_excluded, most), _edge(high, inside.is_high_excluded, most)
    if first == last:
        return options + _with_decimals(str(first), _decimals_between(above, below, most))
    options += _with_decimals(str(first), _decimals_between(above, None, most))
    if last - first > 1:
        between = either(_digits_between(str(first + 1), str(last - 1)))
        options.append(f'{between} "." {repeated("[0-9]", 1, most)}')
    return options + _with_decimals(str(last), _decimals_between(("", False), below, most))


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


def _with_decimals(whole: str, decimals: list[str]) -> list[str]:
    return [f'"{whole}." {it}' for it in decimals]


Edge = tuple[str, bool]
"""The decimals of a bound, and whether the bound itself is excluded."""


def _edge(value: Decimal, is_excluded: bool, most: int) -> Edge:
    """More decimals than `most` are cut, and the bound with them."""
    fraction = value - math.floor(value)
    digits = math.floor(fraction * 10**most)
    is_cut = digits != fraction * 10**most
    return f"{digits:0{most}d}".rstrip("0"), is_excluded or is_cut


def _decimals_between(low: Edge, high: Edge | None, most: int) -> list[str]:
    """Decimals, at least one digit and at most `most`, between two bounds; None = up to the next
    whole number."""
    digits, is_low_excluded = low
    width = max(len(digits), len(high[0]) if high else 0, 1)
    first = int(digits.ljust(width, "0"))
    last = int(high[0].ljust(width, "0")) if high else 10**width
    free = most - width
    options = []
    if first + 1 < last:
        # Whatever begins strictly between the bounds may go on as it likes.
        begun = _same_length(f"{first + 1:0{width}d}", f"{last - 1:0{width}d}")
        options += [sequence(it, repeated("[0-9]", 0, free)) for it in begun]
    if first < last and not is_low_excluded:
        options.append(sequence(f'"{first:0{width}d}"', repeated("[0-9]", 0, free)))
    elif first < last and free > 0:
        more = sequence(repeated("[0-9]", 0, free - 1), "[1-9]")
        options.append(sequence(f'"{first:0{width}d}"', more))
    if high and not high[1] and (first < last or not is_low_excluded):
        options.append(sequence(f'"{last:0{width}d}"', repeated('"0"', 0, free)))
    return options
