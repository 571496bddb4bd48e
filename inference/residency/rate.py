"""Tokens per second, now: counts per whole second, no work per token beyond an addition."""

from __future__ import annotations

import time


class RateMeter:
    """The mean rate over the last `WINDOW_SECONDS` seconds."""

    WINDOW_SECONDS = 3

    def __init__(self) -> None:
        self.total = 0
        """All tokens so far."""
        self._counts: dict[int, int] = {}

    def add(self, tokens: int) -> None:
        """Count tokens that came just now."""
        second = int(time.monotonic())
        self.total += tokens
        if second not in self._counts:
            oldest = second - self.WINDOW_SECONDS
            self._counts = {at: n for at, n in self._counts.items() if at >= oldest}
        self._counts[second] = self._counts.get(second, 0) + tokens

    def per_second(self) -> float:
        """Tokens per second over the window that ends now; 0.0 when nothing came."""
        now = time.monotonic()
        recent = {at: n for at, n in self._counts.items() if at > now - self.WINDOW_SECONDS - 1}
        if not recent:
            return 0.0
        span = max(1.0, min(now - min(recent), self.WINDOW_SECONDS + 1.0))
        return sum(recent.values()) / span
