"""What NPU and GPU compiled: a folder for each version of OpenVINO, one in it for each pair.

A cold compile of an NPU takes minutes, so blobs are worth their gigabytes; those of another version
or of a model that is gone are worth nothing. Pruning touches the disk: call it in a thread.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from inference import environment


@dataclass(frozen=True, slots=True)
class CompiledFolder:
    """The blobs of one pair. `used_at` is when the pair was last loaded, in seconds since the
    epoch."""

    path: Path
    bytes: int
    used_at: float


def compiled_folder() -> Path:
    """Where the blobs of the OpenVINO of now are kept. It may not exist yet."""
    return compiled_root() / _version()


def compiled_root() -> Path:
    """Where the blobs of every version are kept."""
    return environment.home() / "compiled"


def folder_name(digest: str, device: str) -> str:
    """The pair's folder: a model's digest, a device's name."""
    return f"{digest[:12]}-{device.lower()}"


def compiled_folders() -> list[CompiledFolder]:
    """Every pair's folder of this version, the longest unused first."""
    root = compiled_folder()
    if not root.is_dir():
        return []
    found = [_measure(path) for path in root.iterdir() if path.is_dir()]
    return sorted(found, key=lambda folder: folder.used_at)


def mark_used(folder: Path) -> None:
    """A pair was loaded from there just now."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def prune(budget_bytes: int, digests: Collection[str]) -> int:
    """Delete blobs of other versions and of models that are not among `digests`, then the longest
    unused until the rest fits the budget. Returns the bytes freed."""
    freed = 0
    root = compiled_root()
    for version in root.iterdir() if root.is_dir() else ():
        if version != compiled_folder():
            freed += _delete(version)
    known = {digest[:12] for digest in digests}
    kept = []
    for folder in compiled_folders():
        if folder.path.name.rpartition("-")[0] in known:
            kept.append(folder)
        else:
            freed += _delete(folder.path)
    total = sum(folder.bytes for folder in kept)
    for folder in kept[:-1]:  # the newest one serves now, whatever its size
        if total <= budget_bytes:
            break
        freed += _delete(folder.path)
        total -= folder.bytes
    return freed


@functools.cache
def _version() -> str:
    return importlib.metadata.version("openvino")


def _measure(path: Path) -> CompiledFolder:
    size = sum(_size(file) for file in path.rglob("*"))
    return CompiledFolder(path, size, path.stat().st_mtime)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _delete(path: Path) -> int:
    """A blob that an engine has open stays until the next time (Windows refuses)."""
    size = _measure(path).bytes if path.is_dir() else 0
    shutil.rmtree(path, ignore_errors=True)
    return 0 if path.exists() else size
