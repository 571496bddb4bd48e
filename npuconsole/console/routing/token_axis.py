"""The one scale of prompt lengths that everything on the routing page is drawn along. Pure.

Even steps per doubling, but straight near 0: a limit of 1,800 stands in the middle of 8,192 and can
still be seen in 131,072.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STRAIGHT_TOKENS = 256
"""About up to here the scale is straight."""
ROOM_BEYOND = 1.6
"""How far the axis goes on behind the longest prompt that is served: what lies there is refused."""
APART_PERCENT = 13.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on the axis; `place` is a percentage of its width."""

    tokens: int
    place: float
    anchor: str  # an SVG text-anchor

    @property
    def words(self) -> str:
        """The number as it is written."""
        return f"{self.tokens:,}"


@dataclass(frozen=True, slots=True)
class TokenAxis:
    """From 0 to `most` tokens."""

    most: int

    def place(self, tokens: float) -> float:
        """Where that length is, in percent of the width; beyond the end it is the end."""
        whole = math.log2(1 + self.most / STRAIGHT_TOKENS)
        share = math.log2(1 + max(0.0, tokens) / STRAIGHT_TOKENS) / whole
        return round(100 * min(1.0, share), 3)

    def tokens_at(self, place: float) -> int:
        """The length at that percentage."""
        whole = math.log2(1 + self.most / STRAIGHT_TOKENS)
        return round(STRAIGHT_TOKENS * (2 ** (whole * place / 100) - 1))

    def lengths(self, steps: int = 60) -> list[int]:
        """Lengths to draw a curve through, evenly spread over the width, from 1 on."""
        return sorted({max(1, self.tokens_at(100 * step / steps)) for step in range(steps + 1)})

    def ticks(self, wanted: Iterable[int] = (), apart: float = APART_PERCENT) -> list[Tick]:
        """Numbers far enough from each other to be read: the wanted ones first, then round ones."""
        round_ones = (0, 1024, 4096, 256, 16_384, 65_536, 262_144, 2048, 8192, 32_768, 512, 64)
        chosen: list[int] = []
        for tokens in (*wanted, *round_ones):
            place = self.place(tokens)
            if tokens <= self.most and all(abs(place - self.place(c)) >= apart for c in chosen):
                chosen.append(tokens)
        return [Tick(tokens, self.place(tokens), self._anchor(tokens)) for tokens in sorted(chosen)]

    def _anchor(self, tokens: int) -> str:
        place = self.place(tokens)
        return "start" if place < 4 else "end" if place > 96 else "middle"


def axis_for(longest_served: int) -> TokenAxis:
    """The axis for a model whose longest served prompt is that."""
    return TokenAxis(round(max(longest_served, 1024) * ROOM_BEYOND))
