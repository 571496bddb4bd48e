"""The last minute of tokens per second: the line beside each device's number."""

from __future__ import annotations

from collections.abc import Mapping

SECONDS_KEPT = 60


class RateHistory:
    """Samples in, an evenly spaced series out; seconds nobody sampled read as zero."""

    def __init__(self) -> None:
        self._by_second: dict[int, Mapping[str, float]] = {}

    def record(self, now_seconds: float, rates: Mapping[str, float]) -> None:
        """Keep this sample; a later one in the same second replaces it."""
        second = int(now_seconds)
        self._by_second[second] = dict(rates)
        for old in [kept for kept in self._by_second if kept <= second - SECONDS_KEPT]:
            del self._by_second[old]

    def series(self, now_seconds: float) -> dict[str, tuple[float, ...]]:
        """Per device the last `SECONDS_KEPT` values, oldest first."""
        last = int(now_seconds)
        devices = {device for rates in self._by_second.values() for device in rates}
        return {
            device: tuple(
                round(self._by_second.get(second, {}).get(device, 0.0), 1)
                for second in range(last - SECONDS_KEPT + 1, last + 1)
            )
            for device in devices
        }
