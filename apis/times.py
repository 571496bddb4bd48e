"""Times as the wire has them."""

from __future__ import annotations

from datetime import UTC, datetime

FOREVER = "2318-01-01T00:00:00Z"
"""A date so far away that Ollama's CLI says "Forever"."""


def rfc3339(moment: datetime) -> str:
    """UTC with a fraction and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def now() -> str:
    """This moment."""
    return datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds."""
    return round(seconds * 1e9)
