"""Numbers with their units for pages that the server writes; the words are those of format.js.

Number and unit are kept together by non-breaking spaces.
"""

from __future__ import annotations

from datetime import UTC, datetime

NBSP = "\N{NO-BREAK SPACE}"


def counted(number: int, one: str, many: str = "") -> str:
    """3 tokens, 1 token."""
    return f"{number:,}{NBSP}{one if number == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration: 12 ms, 0.31 s, 2.3 s, 14 s, 2 min 5 s."""
    if value < 0.0995:
        return f"{value * 1000:.0f}{NBSP}ms"
    if value < 0.995:
        return f"{value:.2f}{NBSP}s"
    if value < 9.95:
        return f"{value:.1f}{NBSP}s"
    if value < 59.5:
        return f"{value:.0f}{NBSP}s"
    whole = round(value)
    return f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"


def rate(value: float) -> str:
    """Tokens per second, with a decimal where it matters."""
    number = f"{value:.1f}" if 0 < value < 10 else f"{value:,.0f}"
    return f"{number}{NBSP}tok/s"


def size(count: int) -> str:
    """Bytes: 312 bytes, 2 kB, 98 MB, 1.2 GB."""
    if count < 1000:
        return counted(count, "byte")
    if count < 999_500:
        return f"{count / 1e3:.0f}{NBSP}kB"
    if count < 999_500_000:
        return f"{count / 1e6:.0f}{NBSP}MB"
    return f"{count / 1e9:.1f}{NBSP}GB"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago: now, 12 s ago, 3 min ago, 5 h ago, 2 d ago."""
    passed = max(0, round((now - moment).total_seconds()))
    if passed < 5:
        return "now"
    length, unit = next(
        (length, unit)
        for length, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
        if passed >= length
    )
    return f"{passed // length}{NBSP}{unit}{NBSP}ago"


def absolute(moment: datetime) -> str:
    """A point in time for whoever wants it exactly: 2026-11-25 14:02:07 UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
