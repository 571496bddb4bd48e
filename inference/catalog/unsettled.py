"""Folders of variants that are between two states: published but in no row yet, or in no row any
more but still on the disk.

A rename and a transaction cannot be one step. So the folder is noted before the first of the two,
and the next start of a server that was killed between them removes it if no row names it. Folders
that were never noted are nobody's rubbish: the doctor offers to adopt them (`catalog.doctor`).

Blocks on the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from inference.catalog.folders import ModelsFolder
from inference.catalog.names import ModelName


def note(folders: Iterable[Path], models: ModelsFolder) -> None:
    """Say that these folders go if no row names them when the server starts next."""
    for folder in folders:
        models.unsettled.mkdir(parents=True, exist_ok=True)
        _mark(folder, models).touch()


def forget(folders: Iterable[Path], models: ModelsFolder) -> None:
    """A row names them now: they stay, whatever becomes of the database later."""
    for folder in folders:
        _mark(folder, models).unlink(missing_ok=True)


def remove(folder: Path, models: ModelsFolder) -> None:
    """Remove a noted folder that no row names. One that a program has open, which Windows does not
    allow to remove, goes with the next start. One that is not noted any more stays: a pull of the
    same contents took it up while its engine was unloaded."""
    if not _mark(folder, models).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        forget([folder], models)


def _mark(folder: Path, models: ModelsFolder) -> Path:
    return models.unsettled / f"{models.server}@{folder.name}"


def settle(models: ModelsFolder, named: Collection[str], awaited: Iterable[ModelName]) -> int:
    """Remove the noted folders whose names are not in `named`; returns how many went.

    `awaited` are the models whose jobs go on: what they published is taken up by them.
    """
    kept = {folder.name for name in awaited for folder in models.variants_of(name)}
    removed = 0
    prefix = f"{models.server}@"
    for mark in sorted(models.unsettled.glob(f"{prefix}*")):
        name = mark.name.removeprefix(prefix)
        folder = models.installed / name
        if name in kept and name not in named:
            continue
        if name not in named and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
            if folder.exists():
                continue  # another program has it open; the next start tries again
        mark.unlink(missing_ok=True)
    return removed
