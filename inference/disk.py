"""The room on the disk of a folder that may not be there yet."""

from __future__ import annotations

import shutil
from pathlib import Path


def nearest_folder(path: Path) -> Path:
    """That folder, or the nearest above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def free_bytes(path: Path) -> int:
    """What the disk has left on which that folder is, or would be made. Raises OSError."""
    return shutil.disk_usage(nearest_folder(path)).free
