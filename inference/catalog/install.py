"""The one installer: from a plan to a finished, verified folder that can be served.

Download, verify (`catalog.fetching`), import, digest, then one rename. Whatever happens at whatever
instant, the models folder holds the old variant or the new one, never half of one; what a dead job
leaves lies in `.work`, where the next start finds the downloads and sweeps the rest
(`inference.catalog.folders`).

Blocks for seconds to hours and belongs in a job's thread. Can be stopped at any time.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inference.catalog import unsettled
from inference.catalog.encoders.files import holds_encoder
from inference.catalog.errors import DiskFull, NotAsStated, PullFailed, Refused
from inference.catalog.fetching import Fetched, fetch, pulling
from inference.catalog.folders import ModelsFolder
from inference.catalog.importers import run_importer
from inference.catalog.manifest import Installed, is_intact, is_of, read_manifest, write_manifest
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.recipes import Plan
from inference.catalog.renaming import rename
from inference.catalog.sources import Source, SourceFile, bytes_under
from inference.catalog.stopping import Stop

logger = logging.getLogger(__name__)

# Shares of the whole job, as measured with the starter on a fast network.
_VERIFIED, _IMPORTED = 0.64, 0.96
_IMPORT_SECONDS = 600.0
_IMPORT_SECONDS_PER_GIGABYTE = 600.0


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
        as_fetched = folder == fetched.folder
        known = {file.name: file.sha256 for file in fetched.files if as_fetched}
        made = write_manifest(folder, plan.name, fetched.source, fetched.files, stop, known)
        progress.milestone(PullFrame("writing manifest"), step="publishing", fraction=0.99)
        published = publish(made, models, plan, stop)
        shutil.rmtree(fetched.folder.parent, ignore_errors=True)
        return published
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
            and _are_same(found.source_files, files)
            and is_intact(found, stop)
        ):
            return found
    return None


def _are_same(first: tuple[SourceFile, ...], second: tuple[SourceFile, ...]) -> bool:
    return len(first) == len(second) and all(
        one.is_same(other) for one, other in zip(first, second, strict=True)
    )


def fetch_from_first(
    plan: Plan, models: ModelsFolder, work: Path, progress: Progress, stop: Stop
) -> Fetched | Installed:
    """The verified files from the first source that gives them, or what was made of them before."""
    failures: list[PullFailed] = []
    for number, source in enumerate(plan.sources):
        place = work / f"source-{number}"
        try:
            progress.tell(
                step=f"asking {source.address}", source=source.address, status="downloading"
            )
            files = source.list_files(stop)
            if (found := find_installed(plan, models, files, stop)) is not None:
                return found
            if all(file.commit for file in files):
                place = models.download_folder(plan.name, _identity(source, files))
            return fetch(source, files, place, progress, stop)
        except PullFailed as failure:
            logger.info("%s: %s", source.address, failure.message)
            failures.append(failure)
            if (
                place.parent == work
                or not failure.retry
                or isinstance(failure, DiskFull | NotAsStated)
            ):
                shutil.rmtree(place, ignore_errors=True)
            if not _may_go_on(failure, source, plan.sources[number + 1 :]):
                break
    if len(failures) == 1:
        raise failures[0]
    reasons = "; ".join(
        f"{source.address}: {failure.message}"
        for source, failure in zip(plan.sources, failures, strict=False)
    )
    if all(isinstance(failure, Refused) for failure in failures):
        raise Refused(reasons)
    raise PullFailed(reasons, retry=any(failure.retry for failure in failures))


def _may_go_on(failure: PullFailed, failed: Source, others: Sequence[Source]) -> bool:
    """Whether the next source should be tried. A hub that is busy or out of reach has the preferred
    form of a model later, and would now give another one, perhaps twice as large."""
    if isinstance(failure, DiskFull):
        return False
    return not failure.retry or any(type(other) is not type(failed) for other in others)


def _identity(source: Source, files: tuple[SourceFile, ...]) -> str:
    """Equal for the same contents from the same place, whichever process asks."""
    contents = sorted((file.name, file.sha256, file.git_sha1) for file in files)
    return f"{source.address} {contents}"


def show_as_present(installed: Installed, progress: Progress) -> None:
    """The lines that a client sees for a model that is here already."""
    for file in installed.source_files:
        progress.milestone(pulling(file, file.size_bytes))
    progress.milestone(PullFrame("verifying sha256 digest"))
    progress.milestone(PullFrame("writing manifest"))


def make_servable(fetched: Fetched, work: Path, progress: Progress, stop: Stop) -> Path:
    """The folder with the OpenVINO model: the fetched one, or the import of what was fetched."""
    target = work / "imported"
    if all(file.name.lower().endswith(".gguf") for file in fetched.files):
        # Of a model in several pieces the first names the others.
        source = fetched.folder / min(file.name for file in fetched.files)
        return import_with("inference.catalog.gguf", source, target, progress, stop)
    if holds_encoder(fetched.folder):
        return import_with("inference.catalog.encoders", fetched.folder, target, progress, stop)
    return fetched.folder


def import_with(importer: str, source: Path, target: Path, progress: Progress, stop: Stop) -> Path:
    """Import in a child process (`catalog.import_child`), because native parsers crash; a crash is
    an error like another. `importer` is the child's module."""
    progress.milestone(
        PullFrame("importing model"), status="importing", step="importing", fraction=_VERIFIED
    )

    def on_step(step: str, share: float) -> None:
        progress.advance(
            PullFrame(f"importing model: {step}"),
            step=f"importing: {step}",
            fraction=_VERIFIED + share * (_IMPORTED - _VERIFIED),
        )

    size_bytes = bytes_under(source) if source.is_dir() else source.stat().st_size
    run_importer(
        importer,
        [str(source), str(target)],
        about=f"the importer of {source.name}",
        stop=stop,
        timeout_seconds=_IMPORT_SECONDS + _IMPORT_SECONDS_PER_GIGABYTE * size_bytes / 1e9,
        on_step=on_step,
    )
    return target


def publish(made: Installed, models: ModelsFolder, plan: Plan, stop: Stop) -> Installed:
    """Move the finished folder to its place in one step. The same contents there already: kept."""
    target = models.variant_folder(plan.name, made.weight_format, made.digest)
    if target.exists():
        there = read_manifest(target)
        if there and there.digest == made.digest and is_intact(there, stop):
            return there
        rename(target, made.folder.parent / "broken")
    _sync(made.folder)
    stop.check()
    unsettled.note([target], models)
    rename(made.folder, target)
    return replace(made, folder=target)


def _sync(folder: Path) -> None:
    """Have the contents on the disk before the name that says they are complete."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
