"""The rename that publishes a finished folder: it is there whole, or not at all."""

from __future__ import annotations

import time
from pathlib import Path

_TRIES = 20
_PAUSE_SECONDS = 0.1


def rename(origin: Path, target: Path) -> None:
    """Move `origin` to `target`, on the same volume. Blocks for up to two seconds. Raises OSError;
    PermissionError where a program has something in it open, on Windows."""
    for tries_left in reversed(range(_TRIES)):
        try:
            origin.replace(target)
            return
        except PermissionError:
            # Windows: a virus scanner looks into new files for a moment, and they cannot be moved.
            if not tries_left:
                raise
            time.sleep(_PAUSE_SECONDS)
