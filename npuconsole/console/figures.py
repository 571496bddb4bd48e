"""Numbers with their units for templates, kept together by non-breaking spaces. The scripts have
the same in format.js."""

from __future__ import annotations

from datetime import UTC, datetime

NBSP = "\u00a0"


def count(value: int) -> str:
    """With a comma between thousands."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{value:,}{NBSP}{one if value == 1 else many or f'{one}s'}"


def size(value: int) -> str:
    """Bytes in decimal units: 312 bytes, 2 kB, 98 MB, 1.2 GB."""
    if value < 1000:
        return counted(value, "byte")
    if value < 999_500:
        return f"{value / 1e3:.0f}{NBSP}kB"
    if value < 999_500_000:
        return f"{value / 1e6:.0f}{NBSP}MB"
    return f"{value / 1e9:.1f}{NBSP}GB"


def rate(value: float) -> str:
    """Tokens per second; one decimal where it matters."""
    return f"{value:.1f}{NBSP}tok/s" if 0 < value < 10 else f"{value:,.0f}{NBSP}tok/s"


def seconds(value: float) -> str:
    """A duration, to two or three digits."""
    if value < 0.0995:
        return f"{value * 1000:.0f}{NBSP}ms"
    if value < 9.95:
        return f"{value:.{2 if value < 0.995 else 1}f}{NBSP}s"
    if value < 59.5:
        return f"{value:.0f}{NBSP}s"
    whole = round(value)
    return f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"


def parameters(value: int) -> str:
    """Weights as people write them: `135 M`; "" for 0."""
    if not value:
        return ""
    number, unit = (value / 1e9, "B") if value >= 1e9 else (value / 1e6, "M")
    return f"{number:.{1 if number < 100 else 0}f}".removesuffix(".0") + f"{NBSP}{unit}"


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
