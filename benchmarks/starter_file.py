"""The starter's own weights file, for llama-server: the appliance keeps only what it made of it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.targets import CannotMeasure
from inference.catalog.errors import PullFailed
from inference.catalog.integrity import hash_file
from inference.catalog.recipes import starter_plan
from inference.catalog.stopping import Stop


def fetch_starter(folder: Path) -> Path:
    """The file in `folder`, fetched from the catalogue's own sources if it is not there yet.

    Blocks for as long as a download of 98 MB takes. Raises CannotMeasure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stop = Stop()
    problems = []
    # The last source knows the file without asking anybody, so a kept file needs no network.
    for source in reversed(starter_plan().sources):
        try:
            (file,) = source.list_files(stop)
            target = folder / file.name
            if not _is_whole(target, file.sha256, stop):
                source.fetch([file], folder, lambda name, size: None, stop)
            if _is_whole(target, file.sha256, stop):
                return target
            problems.append(f"{source.address}: the file is damaged")
        except PullFailed as error:
            problems.append(f"{source.address}: {error}")
    raise CannotMeasure("the starter's file cannot be had: " + "; ".join(problems))


def _is_whole(path: Path, sha256: str, stop: Stop) -> bool:
    return path.is_file() and hash_file(path, stop) == sha256
