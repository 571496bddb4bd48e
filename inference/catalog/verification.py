"""Whether the files of a finished variant are still what was installed: every byte is read again.

A variant that is damaged goes to quarantine: its folder moves to `<models>/.quarantine/` by one
rename. Rows are not touched, so that a kill at any moment leaves one of two clear states, and a
pull that makes the same folder again mends every copy that shares it. What lies in quarantine is
not part of the picture (`inference.model_info`), and no request is routed to it.

Blocks for about a second per gigabyte and belongs in a thread.
"""

from __future__ import annotations

import enum
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.catalog.folders import ModelsFolder
from inference.catalog.integrity import content_digest, hash_file
from inference.catalog.sources import MANIFEST_NAME
from inference.catalog.stopping import Stop

FileBytes = Callable[[str, int, int, str], None]
"""Told of a file's name, its bytes read so far, its size and the sha256 it should have."""


class FileState(enum.StrEnum):
    """What became of a file since it was installed."""

    OK = "ok"
    CHANGED = "changed"
    MISSING = "missing"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One file of a variant."""

    name: str
    state: FileState

    @property
    def is_damaged(self) -> bool:
        """Whether the variant must not be used. A file too many harms nothing."""
        return self.state in (FileState.CHANGED, FileState.MISSING)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a manifest says of a file."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a variant says about itself, whatever lies beside it."""

    name: str
    digest: str
    weight_format: str
    files: Mapping[str, Listed]
    is_made_here: bool = False
    """Its weights were made from another form's: they are to be had nowhere else."""

    @property
    def agrees_with_itself(self) -> bool:
        """Whether its digest is that of the files it lists."""
        return content_digest({name: file.sha256 for name, file in self.files.items()}) == (
            self.digest
        )


def load_manifest(folder: Path) -> Manifest | None:
    """The manifest in `folder`, None if there is none that can be read."""
    try:
        content = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        return Manifest(
            name=str(content["name"]),
            digest=str(content["digest"]),
            weight_format=str(content["weight_format"]),
            files={
                str(name): Listed(int(file["size_bytes"]), str(file["sha256"]))
                for name, file in content["files"].items()
            },
            is_made_here=not content.get("source_files"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def verify_folder(
    folder: Path, stop: Stop, on_bytes: FileBytes = lambda name, done, size, sha256: None
) -> tuple[FileFinding, ...]:
    """Every file of the variant in `folder`, the manifest's own first. Raises Stopped."""
    manifest = load_manifest(folder)
    if manifest is None:
        there = (folder / MANIFEST_NAME).exists()
        return (FileFinding(MANIFEST_NAME, FileState.CHANGED if there else FileState.MISSING),)
    found = [
        FileFinding(name, _state_of(folder / name, listed, stop, on_bytes))
        for name, listed in sorted(manifest.files.items())
    ]
    # The folder's name ends with the digest: a manifest cannot be changed to suit changed files.
    is_itself = manifest.agrees_with_itself and folder.name.endswith(f"-{manifest.digest[:12]}")
    found.append(FileFinding(MANIFEST_NAME, FileState.OK if is_itself else FileState.CHANGED))
    others = sorted(path.name for path in folder.iterdir())
    known = {*manifest.files, MANIFEST_NAME}
    found += [FileFinding(name, FileState.UNEXPECTED) for name in others if name not in known]
    return tuple(found)


def is_damaged(findings: tuple[FileFinding, ...]) -> bool:
    """Whether the variant must not be used."""
    return any(file.is_damaged for file in findings)


def has_all_files(folder: Path) -> bool:
    """Whether every file is there in its size: cheap, and blind to a flipped bit."""
    manifest = load_manifest(folder)
    if manifest is None or not manifest.agrees_with_itself:
        return False
    return all(_size_of(folder / name) == file.size_bytes for name, file in manifest.files.items())


def quarantine(folder: Path, models: ModelsFolder) -> Path:
    """Move a variant out of use; returns where it lies now. Raises OSError: on Windows while an
    engine has it open."""
    models.quarantine.mkdir(parents=True, exist_ok=True)
    target = models.quarantine / folder.name
    if target.exists():
        shutil.rmtree(target)
    folder.replace(target)
    return target


def is_quarantined(folder: Path, models: ModelsFolder) -> bool:
    """Whether a variant that should lie in `folder` lies in quarantine instead."""
    return not folder.is_dir() and (models.quarantine / folder.name).is_dir()


def _state_of(path: Path, listed: Listed, stop: Stop, on_bytes: FileBytes) -> FileState:
    done = 0

    def count(piece: int) -> None:
        nonlocal done
        done += piece
        on_bytes(path.name, min(done, listed.size_bytes), listed.size_bytes, listed.sha256)

    on_bytes(path.name, 0, listed.size_bytes, listed.sha256)
    size = _size_of(path)
    if size is None:
        return FileState.MISSING
    try:
        same = size == listed.size_bytes and hash_file(path, stop, count) == listed.sha256
    except OSError:  # a disk that cannot read it any more
        return FileState.CHANGED
    return FileState.OK if same else FileState.CHANGED


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
