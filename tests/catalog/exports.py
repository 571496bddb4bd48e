"""Repositories of the hub with an OpenVINO model and many files, for pulls."""

from __future__ import annotations

import random
import shutil
from pathlib import Path


def write_export(target: Path, model: Path, *, files: int, size_bytes: int, seed: int) -> Path:
    """A repository in `target`: the small files of the OpenVINO model in `model` whole, its weights
    as they are, and further files until there are `files` of them with `size_bytes` in all.

    Every fifth of those is small and of the kind of which a hub knows git's hash only; the others
    share what is missing.
    """
    target.mkdir(parents=True)
    for path in model.iterdir():
        if path.is_file() and path.name not in ("install.json", "facts.json"):
            shutil.copy(path, target / path.name)
    chance = random.Random(seed)
    present = list(target.iterdir())
    missing = max(0, files - len(present))
    left = max(0, size_bytes - sum(path.stat().st_size for path in present))
    small = missing // 5
    each = left // max(1, missing - small)
    for number in range(missing):
        if number < small:
            (target / f"notes-{number:02}.jinja").write_bytes(chance.randbytes(1000 + number))
        else:
            (target / f"openvino_part_{number:02}.bin").write_bytes(chance.randbytes(each + number))
    return target
