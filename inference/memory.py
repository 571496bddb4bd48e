"""How much memory a process holds."""

from __future__ import annotations

import psutil


def resident_bytes(pid: int | None) -> int:
    """The resident memory of that process, 0 if there is none (any more)."""
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except psutil.Error:
        return 0
