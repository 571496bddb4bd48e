"""`keep_alive` as clients write it: pure."""

from __future__ import annotations

import re
from typing import Any

from inference.errors import InvalidRequest

FOREVER_SECONDS = -1.0
"""Negative means for ever to the residency too."""

_LONGEST_SECONDS = 10 * 365 * 86400.0
_SECONDS_PER = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_UNITS = "|".join(_SECONDS_PER)
_DURATION = re.compile(rf"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:{_UNITS}))+", re.ASCII)
_PART = re.compile(rf"(\d+\.?\d*|\.\d+)({_UNITS})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)


def parse_keep_alive(value: Any) -> float | None:
    """Seconds, negative for ever, None when nothing was said. Numbers are seconds, texts are Go
    durations or, more leniently than there, numbers. Raises InvalidRequest."""
    if value is None:
        return None
    if isinstance(value, str):
        return _clamped(_parse_text(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(
            'keep_alive must be a number of seconds or a duration such as "5m"',
            field="keep_alive",
        )
    return _clamped(float(value))


def _parse_text(text: str) -> float:
    if len(text) <= 100 and _NUMBER.fullmatch(text):
        return float(text)
    if len(text) > 100 or not _DURATION.fullmatch(text):
        raise InvalidRequest(f"keep_alive: invalid duration {text[:100]!r}", field="keep_alive")
    seconds = sum(float(number) * _SECONDS_PER[unit] for number, unit in _PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def _clamped(seconds: float) -> float:
    """Beyond ten years is for ever: clocks and timers overflow somewhere beyond."""
    return FOREVER_SECONDS if seconds < 0 or seconds > _LONGEST_SECONDS else seconds
