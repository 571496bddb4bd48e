"""Numbers with their units for templates, kept together by non-breaking spaces. The scripts have
the same in format.js."""

from __future__ import annotations

NBSP = "\u00a0"


def count(value: int) -> str:
    """With a comma between thousands."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{value:,}{NBSP}{one if value == 1 else many or f'{one}s'}"


def size(value: int) -> str:
    """Bytes in decimal units."""
    if value >= 1e9:
        return f"{value / 1e9:.1f}{NBSP}GB"
    if value >= 1e6:
        return f"{value / 1e6:.0f}{NBSP}MB"
    return f"{value / 1e3:.0f}{NBSP}kB"


def rate(value: float) -> str:
    """Tokens per second; one decimal where it matters."""
    return f"{value:.1f}{NBSP}tok/s" if 0 < value < 10 else f"{value:,.0f}{NBSP}tok/s"


def seconds(value: float) -> str:
    """A duration, to two or three digits."""
    if value < 0.0995:
        return f"{value * 1000:.0f}{NBSP}ms"
    if value < 9.95:
        return f"{value:.{2 if value < 0.995 else 1}f}{NBSP}s"
    if value < 60:
        return f"{value:.0f}{NBSP}s"
    return f"{value // 60:.0f}{NBSP}min {value % 60:.0f}{NBSP}s"


def parameters(value: int) -> str:
    """Weights as people write them: `135 M`; "" for 0."""
    if not value:
        return ""
    number, unit = (value / 1e9, "B") if value >= 1e9 else (value / 1e6, "M")
    return f"{number:.{1 if number < 100 else 0}f}".removesuffix(".0") + f"{NBSP}{unit}"
