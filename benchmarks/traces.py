"""What one run of streams looked like on the clock, and the figures drawn from it: pure.

All times are seconds of the monotonic clock of whoever took them; only differences are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median


@dataclass(frozen=True, slots=True)
class Trace:
    """One stream: sent at `started`; a piece of the answer at each of `arrivals`; `tokens` in all,
    the last of them known to be there at `ended`. `prompt_tokens` is what the target counted."""

    started: float
    arrivals: tuple[float, ...]
    ended: float
    tokens: int
    prompt_tokens: int

    @property
    def ttft_seconds(self) -> float:
        """From sending to the first piece."""
        return self.arrivals[0] - self.started


def decode_rate(traces: Sequence[Trace]) -> float:
    """Tokens per second of all streams together while all of them decode: from the last one's first
    piece to the first one's end. Pieces are counted, each as the mean number of tokens per piece.

    Where no such time exists (the first ended before the last began) it is from the first piece of
    all to the last end, which counts the prefill of the late ones.
    """
    began = max(trace.arrivals[0] for trace in traces)
    until = min(trace.ended for trace in traces)
    if until <= began:
        began = min(trace.arrivals[0] for trace in traces)
        until = max(trace.ended for trace in traces)
    if until <= began:
        return 0.0
    pieces = sum(began < at <= until for trace in traces for at in trace.arrivals)
    return pieces * tokens_per_piece(traces) / (until - began)


def tokens_per_piece(traces: Sequence[Trace]) -> float:
    """1 when every token came by itself; more when tokens were delivered in lumps."""
    return sum(trace.tokens for trace in traces) / sum(len(trace.arrivals) for trace in traces)


def request_rate(traces: Sequence[Trace]) -> float:
    """Tokens per second of all streams together, from sending to the last end: prefill included."""
    span = max(trace.ended for trace in traces) - min(trace.started for trace in traces)
    return sum(trace.tokens for trace in traces) / span if span > 0 else 0.0


def gaps(traces: Iterable[Trace]) -> list[float]:
    """Seconds between neighbouring pieces of the same stream, all streams in one list."""
    return [later - earlier for trace in traces for earlier, later in pairwise(trace.arrivals)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = -int(-share * len(ordered) // 1)  # rounds up
    return ordered[max(0, min(len(ordered), rank) - 1)]


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios round by round: neighbours in time share the machine's speed."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False) if other]
    return median(ratios) if ratios else 0.0
