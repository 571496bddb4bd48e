"""Numbers between two bounds as expressions of a grammar. Pure.

No two alternatives of an expression begin with the same digit: where they overlap in part
([4-9] … | [1-9] …), the engine's grammar library (in OpenVINO GenAI 2026.4) merges them into one
that takes digits without end.
"""

from __future__ import annotations

MOST = 10**15 - 1
"""Beyond 15 digits a double is no longer exact."""

FRACTION = '("." [0-9]{1,15})?'
ZEROS = '("." "0"{1,15})?'

_Span = tuple[int, int, int, str]
"""Digit strings of one length: how long, the first, the last (as numbers, zeros in front), and the
expression of what comes after them."""


def integers_between(low: int | None, high: int | None) -> str | None:
    """An expression for the integers from `low` to `high`; None if there is none or the bounds have
    too many digits. An open end reaches to 15 digits."""
    return _between(low, high, has_fraction=False)


def numbers_between(low: float | None, high: float | None) -> str | None:
    """The same for numbers with a fraction; None also when a bound is not whole."""
    if any(bound is not None and bound != int(bound) for bound in (low, high)):
        return None
    return _between(
        None if low is None else int(low), None if high is None else int(high), has_fraction=True
    )


def _between(low: int | None, high: int | None, *, has_fraction: bool) -> str | None:
    least = -MOST if low is None else low
    most = MOST if high is None else high
    if least > most or max(abs(least), abs(most)) > MOST:
        return None
    parts = []
    if least < 0:
        nearest = max(0 if has_fraction else 1, -most)
        spans = _spans(nearest, -least, has_fraction=has_fraction, is_open=low is None)
        parts.append(f'"-" ({_expression(spans)})')
    if most >= 0:
        spans = _spans(max(0, least), most, has_fraction=has_fraction, is_open=high is None)
        parts.append(_expression(spans))
    return " | ".join(parts)


def _whole(low: int, high: int, end: str = "") -> frozenset[_Span]:
    """The numbers from `low` to `high`, both at least 0."""
    return frozenset(
        (
            length,
            max(low, 10 ** (length - 1) if length > 1 else 0),
            min(high, 10**length - 1),
            end,
        )
        for length in range(len(str(low)), len(str(high)) + 1)
    )


def _spans(low: int, high: int, *, has_fraction: bool, is_open: bool) -> frozenset[_Span]:
    """The numbers from `low` to `high`. A fraction moves away from zero, so `high` itself takes
    none but zeros, unless it is only where our digits end (`is_open`)."""
    if not has_fraction:
        return _whole(low, high)
    if is_open:
        return _whole(low, high, FRACTION)
    inside = _whole(low, high - 1, FRACTION) if high > low else frozenset()
    return inside | _whole(high, high, ZEROS)


def _expression(spans: frozenset[_Span]) -> str:
    """What may follow: one alternative for each run of digits after which the same may follow."""
    lengths = sorted(length for length, *_ in spans)
    ends = {end for *_, end in spans}
    is_free = all((low, high) == (0, 10**length - 1) for length, low, high, _ in spans)
    if is_free and len(ends) == 1 and lengths == list(range(lengths[0], lengths[-1] + 1)):
        digits = f"[0-9]{{{lengths[0]},{lengths[-1]}}}" if lengths[-1] else ""
        return f"{digits} {ends.pop()}".strip()
    runs: list[tuple[int, int, frozenset[_Span]]] = []
    for digit in range(10):
        rest = frozenset(_after(digit, span) for span in spans if _takes(digit, span))
        if not rest:
            continue
        if runs and runs[-1][1:] == (digit - 1, rest):
            runs[-1] = (runs[-1][0], digit, rest)
        else:
            runs.append((digit, digit, rest))
    alternatives = []
    for first, last, rest in runs:
        after = _expression(rest)
        alternatives.append(f"[{first}-{last}]" + (f" ({after})" if after else ""))
    if 0 in lengths:
        alternatives += [end or '""' for length, *_, end in spans if not length]
    return " | ".join(alternatives)


def _takes(digit: int, span: _Span) -> bool:
    length, low, high, _ = span
    if not length:
        return False
    unit: int = 10 ** (length - 1)
    return low // unit <= digit <= high // unit


def _after(digit: int, span: _Span) -> _Span:
    length, low, high, end = span
    unit: int = 10 ** (length - 1)
    return length - 1, max(low - digit * unit, 0), min(high - digit * unit, unit - 1), end
