"""Stop strings, exact to the character and across token boundaries.

The engine's own stop strings trim whole tokens ("1. Red" instead of "1. Re" for the stop "d, 2"),
so the worker matches on the text and only then ends the generation in the engine.
"""

from __future__ import annotations

from collections.abc import Iterable


class StopMatcher:
    """Feed text in any pieces; what comes out never contains, nor could become, a stop string.
    `met` is the one that was met."""

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.met = ""

    @property
    def is_holding(self) -> bool:
        """Whether some text is held back."""
        return bool(self._held)

    def feed(self, text: str) -> tuple[str, bool]:
        """Text that is safe to send, and whether a stop string was met (then nothing may
        follow)."""
        if not self._stops:
            return text, False
        self._held += text
        found = [(at, stop) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            at, self.met = min(found)
            safe, self._held = self._held[:at], ""
            return safe, True
        keep = max(_overlap(self._held, stop) for stop in self._stops)
        cut = len(self._held) - keep
        safe, self._held = self._held[:cut], self._held[cut:]
        return safe, False

    def flush(self) -> str:
        """What was held back, at the end of a generation that met no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop` (and is not all of it)."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
