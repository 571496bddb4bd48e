"""A child process's own limit of memory, on every system alike.

A model that is made into another form needs several times its size. The child watches itself and
ends with a sentence before the system runs out and picks a process to kill, which might be the
server or an engine.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import psutil

_LOOK_SECONDS = 0.2
_SHARE = 0.85
_EXIT_TOO_LARGE = 4


def spendable_bytes() -> int:
    """What a child may take now: most of what is free."""
    return int(psutil.virtual_memory().available * _SHARE)


def guard_memory(limit_bytes: int, tell: Callable[[str], None]) -> None:
    """From now on end this process when it holds more than `limit_bytes`; `tell` is given the
    reason first. Files that are only mapped do not count."""
    threading.Thread(target=_watch, args=(limit_bytes, tell), daemon=True).start()


def _watch(limit_bytes: int, tell: Callable[[str], None]) -> None:
    process, pause = psutil.Process(), threading.Event()
    while True:
        if _held_bytes(process) > limit_bytes:
            tell(
                f"it needs more than the {limit_bytes / 1e9:.1f} GB of memory that were free; "
                "unload models or close programs, and try again"
            )
            os._exit(_EXIT_TOO_LARGE)
        pause.wait(_LOOK_SECONDS)


def _held_bytes(process: psutil.Process) -> int:
    memory = process.memory_info()
    if sys.platform == "win32":
        return int(memory.private)
    return int(memory.rss - getattr(memory, "shared", 0))
