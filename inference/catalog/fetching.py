"""From what a source offers to verified files in a folder, with the lines that clients see."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from inference import snapshot
from inference.catalog.errors import DiskFull, NotAsStated, Refused
from inference.catalog.integrity import hash_file
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.sources import Source, SourceFile, bytes_under
from inference.catalog.stopping import Stop

# Shares of the whole job, as measured with the starter on a fast network.
_LISTED, _FETCHED = 0.02, 0.6

_IMPORT_FACTOR = 4.0  # a wheel twice, the file taken out of it, the imported model
_EXPORT_FACTOR = 1.05  # files that are served as they are


@dataclass(frozen=True, slots=True)
class Fetched:
    """Verified files of one source. `folder` holds nothing else; its parent is theirs too."""

    source: str
    files: tuple[SourceFile, ...]  # every one with its sha256
    folder: Path


def fetch(
    source: Source, files: tuple[SourceFile, ...], place: Path, progress: Progress, stop: Stop
) -> Fetched:
    """Have the files in a folder below `place`, where an earlier try may have left some of them.

    Raises PullFailed, before anything is fetched when they are too large for the owner's limit or
    for the disk; Stopped.
    """
    total = sum(file.size_bytes for file in files)
    _check_limit(total)
    folder = place / "files"
    folder.mkdir(parents=True, exist_ok=True)
    _check_disk(files, place, total)
    _remove_others(files, folder)
    lines = _Lines(source, files, progress)
    source.fetch(files, folder, lines.on_bytes, stop)
    progress.tell(step="verifying", fraction=_FETCHED, digest="")
    whole = tuple(_verified(file, folder, source, stop) for file in files)
    for file, arrived in zip(files, whole, strict=True):
        if not file.sha256:
            progress.milestone(pulling(arrived, arrived.size_bytes))
    progress.milestone(PullFrame("verifying sha256 digest"))
    return Fetched(source.address, whole, folder)


def pulling(file: SourceFile, completed: int) -> PullFrame:
    """The line of a file whose sha256 is known."""
    return PullFrame(
        f"pulling {file.sha256[:12]}", f"sha256:{file.sha256}", file.size_bytes, completed
    )


def peak_bytes(total: int, *, is_export: bool) -> int:
    """Of the disk while a model is installed whose files have `total` bytes."""
    return int((_EXPORT_FACTOR if is_export else _IMPORT_FACTOR) * total)


class _Lines:
    """Turns what a source tells into lines. A file without a sha256 gets its line when it is
    here: it is small, and clients know lines apart by their digests."""

    def __init__(self, source: Source, files: tuple[SourceFile, ...], progress: Progress) -> None:
        self._step = f"downloading from {source.address}"
        self._progress = progress
        self._files = {file.name: file for file in files}
        self._total = sum(file.size_bytes for file in files)
        self._received: dict[str, int] = {}
        self._shown: dict[str, int] = {}  # by digest: two files may have the same contents

    def on_bytes(self, name: str, count: int) -> None:
        file = self._files[name]
        received = max(self._received.get(name, 0), min(count, file.size_bytes))
        self._received[name] = received
        done = sum(self._received.values())
        share = done / self._total if self._total else 1.0
        fraction = _LISTED + share * (_FETCHED - _LISTED)
        if not file.sha256:
            self._progress.tell(
                step=self._step, total_bytes=self._total, completed_bytes=done, fraction=fraction
            )
            return
        is_first = file.sha256 not in self._shown
        self._shown[file.sha256] = max(self._shown.get(file.sha256, 0), received)
        change = self._progress.milestone if is_first else self._progress.advance
        change(
            pulling(file, self._shown[file.sha256]),
            step=self._step,
            digest=file.sha256,
            total_bytes=self._total,
            completed_bytes=done,
            fraction=fraction,
        )


def _verified(file: SourceFile, folder: Path, source: Source, stop: Stop) -> SourceFile:
    path = folder / file.name
    if file.commit and file.sha256 and path.is_file():
        return file  # the source has compared it, in its own process
    sha256 = hash_file(path, stop) if path.is_file() else ""
    if not sha256 or sha256 != (file.sha256 or sha256):
        path.unlink(missing_ok=True)
        raise NotAsStated(
            f"{file.name} did not arrive whole from {source.address} (its sha256 differs); "
            "nothing of it was kept"
        )
    return replace(file, sha256=sha256)


def _remove_others(files: tuple[SourceFile, ...], folder: Path) -> None:
    """What an earlier try added before it was published, such as its manifest."""
    names = {file.name for file in files}
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in names:
            path.unlink()


def _check_limit(total: int) -> None:
    limit = snapshot.current().settings.pull_max_gigabytes
    if limit and total > limit * 1e9:
        raise Refused(
            f"this model is {total / 1e9:,.3f} GB large; the limit here is {limit:g} GB "
            "(the setting pull_max_gigabytes)"
        )


def _check_disk(files: tuple[SourceFile, ...], place: Path, total: int) -> None:
    is_export = any(file.name.endswith("openvino_model.xml") for file in files)
    missing = max(0, peak_bytes(total, is_export=is_export) - bytes_under(place))
    free = shutil.disk_usage(place).free
    if free < missing:
        raise DiskFull(
            f"the disk of the models folder has {free / 1e6:,.0f} MB free; "
            f"this model needs {missing / 1e6:,.0f} MB while it is installed"
        )
