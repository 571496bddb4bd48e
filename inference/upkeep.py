"""Looking after the installed models: verify and mend them, and the doctor of the catalogue.

For the API families and the command line, on the event loop; what blocks runs in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference import configuration, dispatch, library
from inference.catalog import disk_use as usage
from inference.catalog import inventory, jobs, mending
from inference.catalog.disk_use import DiskUse
from inference.catalog.doctor import Finding, diagnose
from inference.catalog.errors import PullFailed, Stopped, UnknownModel
from inference.catalog.folders import ModelsFolder
from inference.catalog.importable import Importable, list_importable
from inference.catalog.inventory import Rows, VariantRow
from inference.catalog.job_rows import request_of
from inference.catalog.manifest import read_manifest
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.stopping import Stop
from inference.catalog.updates import UpdateReport, check_update
from inference.catalog.verification import (
    FileFinding,
    is_damaged,
    load_manifest,
    quarantine,
    verify_folder,
)
from inference.database import in_database_thread
from inference.disk import free_bytes
from inference.errors import ModelNotFound
from inference.prompts import tokens

log = logging.getLogger(__name__)

UNLOAD_SECONDS = 5.0
"""How long answers under way may go on with an engine whose files are damaged."""


@dataclass(frozen=True, slots=True)
class VariantCheck:
    """What became of one form on disk. `models` share it; `files` is empty where the folder is not
    there. `is_quarantined` says that it is out of use."""

    models: tuple[str, ...]
    folder: str
    weight_format: str
    files: tuple[FileFinding, ...]
    is_well: bool
    is_quarantined: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """How a verification ended. `pulled` are the models that were pulled again."""

    checks: tuple[VariantCheck, ...]
    pulled: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether every form is whole, or is again."""
        return all(check.is_well for check in self.checks)


@dataclass(frozen=True, slots=True)
class Treatment:
    """A finding, and what was done about it: "" if nothing."""

    finding: Finding
    done: str = ""


async def verify(
    name: ModelName | None, *, repull: bool = False
) -> AsyncGenerator[PullFrame | Verified, None]:
    """Read every byte of that model, or of all, and take what is damaged out of use; with `repull`
    fetch it again. Lines as of a pull, then the end; it stops when nobody iterates any more.

    Raises ModelNotFound before the first line, and PullFailed for what cannot be fetched again.
    """
    rows = await in_database_thread(inventory.read_rows)
    wanted = _folders_of(name, rows)
    checks = []
    for folder, owners in wanted.items():
        check: VariantCheck | None = None
        async with contextlib.aclosing(_verify_one(folder, owners)) as steps:
            async for step in steps:
                if isinstance(step, VariantCheck):
                    check = step
                else:
                    yield step
        if check is not None:
            checks.append(check)
    pulled: list[str] = []
    if repull:
        for number, check in enumerate(checks):
            if not check.is_well:
                model = await asyncio.to_thread(_original_of, check)
                async with contextlib.aclosing(_pull_again(model)) as frames:
                    async for frame in frames:
                        yield frame
                pulled.append(model)
                checks[number] = await _looked_at_again(check)
                if checks[number].is_well and not _has(rows, model):
                    # It is there by other names only, such as the one it was renamed to.
                    await library.delete(parse_name(model))
    yield Verified(tuple(checks), tuple(pulled))


async def verify_at_once(name: ModelName | None, *, repull: bool = False) -> Verified:
    """The same without the lines."""
    end: Verified | None = None
    async for step in verify(name, repull=repull):
        end = step if isinstance(step, Verified) else end
    assert end is not None, "a verification ends with what it found, or raises"
    return end


async def examine() -> tuple[Finding, ...]:
    """What the doctor finds between catalogue and disk."""
    running = frozenset(parse_name(status.model_name).key for status in jobs.active_jobs())
    return diagnose(await asyncio.to_thread(inventory.look, jobs.models_folder(), running))


async def treat() -> tuple[Treatment, ...]:
    """What the doctor finds, each with what was done about it; says nothing of what it cannot do
    without asking."""
    models = jobs.models_folder()
    treatments = []
    for finding in await examine():
        done = await asyncio.to_thread(mending.mend, finding, models)
        treatments.append(Treatment(finding, done))
    await configuration.refresh()
    return tuple(treatments)


async def disk_use() -> tuple[DiskUse, int]:
    """What the models take of the disk, and the bytes that it has left."""
    models = jobs.models_folder()
    seen = await asyncio.to_thread(inventory.look, models, frozenset())
    return usage.disk_use(seen), await asyncio.to_thread(free_bytes, models.root)


async def importable() -> tuple[Importable, ...]:
    """What lies in the import folder."""
    return await asyncio.to_thread(list_importable, jobs.models_folder().drop)


async def check_updates(name: ModelName | None) -> tuple[UpdateReport, ...]:
    """Whether the hub has other files of that model, or of each that came from one. Copies count
    with their original. Raises ModelNotFound. Cancelling it ends the question."""
    rows = await in_database_thread(inventory.read_rows)
    folders = {
        folder: owners
        for folder, owners in _folders_of(name, rows).items()
        if name is not None or any(_is_from_hub(owner.model, rows) for owner in owners)
    }
    stop = Stop()
    try:
        return tuple(
            [
                await asyncio.to_thread(
                    _check_update, owners[0].model if name is None else name.display, folder, stop
                )
                for folder, owners in folders.items()
            ]
        )
    finally:
        stop.set()


def _is_from_hub(model: str, rows: Rows) -> bool:
    return any(row.name == model and row.source.startswith("hub:") for row in rows.models)


def _check_update(model: str, folder: str, stop: Stop) -> UpdateReport:
    return check_update(model, read_manifest(jobs.models_folder().installed / folder), stop)


def _folders_of(name: ModelName | None, rows: Rows) -> dict[str, list[VariantRow]]:
    """The folders that model has, or all there are, with everything that shares them."""
    names = {model.name for model in rows.models if name is None or _is(model.name, name)}
    if name is not None and not names:
        raise ModelNotFound(name.display)
    wanted = dict.fromkeys(variant.folder for variant in rows.variants if variant.model in names)
    return {
        folder: [variant for variant in rows.variants if variant.folder == folder]
        for folder in wanted
    }


def _has(rows: Rows, model: str) -> bool:
    return any(_is(row.name, parse_name(model)) for row in rows.models)


def _is(row: str, name: ModelName) -> bool:
    return row.lower() == name.key


async def _verify_one(
    name: str, owners: Sequence[VariantRow]
) -> AsyncGenerator[PullFrame | VariantCheck, None]:
    models = jobs.models_folder()
    folder = models.installed / name
    sharing = tuple(owner.model for owner in owners)
    weight_format = owners[0].weight_format
    if not await asyncio.to_thread(folder.is_dir):
        is_there = await asyncio.to_thread((models.quarantine / name).is_dir)
        words = "was found damaged before" if is_there else "is not on the disk"
        yield PullFrame(f"{name} {words}")
        yield VariantCheck(sharing, name, weight_format, (), False, is_there)
        return
    progress, stop = Progress(sharing[0], asyncio.get_running_loop()), Stop()
    work = asyncio.create_task(asyncio.to_thread(_read_all, folder, progress, stop))
    try:
        async for frame in progress.watch():
            yield frame
        files = await work
    finally:
        stop.set()
        with contextlib.suppress(Stopped, asyncio.CancelledError):
            await asyncio.shield(work)
    for file in files:
        yield PullFrame(f"{file.name}: {file.state}")
    if not is_damaged(files):
        yield VariantCheck(sharing, name, weight_format, files, True, False)
        return
    is_out = await _take_out_of_use(folder, sharing, models)
    yield PullFrame(f"{name}: " + ("put into quarantine" if is_out else "cannot be moved"))
    yield VariantCheck(sharing, name, weight_format, files, False, is_out)


def _read_all(folder: Path, progress: Progress, stop: Stop) -> tuple[FileFinding, ...]:
    current = ""

    def tell(name: str, done: int, size: int, sha256: str) -> None:
        nonlocal current
        frame = PullFrame(f"verifying {name}", f"sha256:{sha256}", size, done)
        change = progress.advance if name == current else progress.milestone
        current = name
        change(frame)

    try:
        return verify_folder(folder, stop, tell)
    finally:
        progress.succeed()


async def _take_out_of_use(folder: Path, sharing: Iterable[str], models: ModelsFolder) -> bool:
    """Whether the folder is where no request finds it."""
    log.warning("%s is damaged and goes out of use", folder.name)
    for tries_left in (1, 0):
        try:
            await asyncio.to_thread(quarantine, folder, models)
            break
        except FileNotFoundError:
            break  # it was deleted meanwhile
        except OSError as error:
            if not tries_left:
                log.error("%s cannot be moved: %s", folder.name, error)
                return False
            await _unload(sharing)  # Windows moves nothing that an engine has open
    await configuration.refresh()
    tokens.forget(folder)
    await _unload(sharing)
    return True


async def _unload(names: Iterable[str]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(UNLOAD_SECONDS):
            for name in names:
                await dispatch.unload_all(name)


def _original_of(check: VariantCheck) -> str:
    """The model under whose name that folder was installed; copies come back with it. Raises
    PullFailed for a form that was made here: pulling its model again would not bring it back."""
    manifest = load_manifest(jobs.models_folder().quarantine / check.folder)
    if manifest is not None and manifest.is_made_here:
        raise PullFailed(
            f"the {check.weight_format} weights of '{manifest.name}' were made here and cannot be "
            "pulled again; make them anew: npuconsole compress, or convert",
            retry=False,
        )
    return manifest.name if manifest is not None else check.models[0]


async def _pull_again(model: str) -> AsyncGenerator[PullFrame, None]:
    request = await in_database_thread(request_of, parse_name(model)) or model
    try:
        # It was allowed when it was first asked for.
        async for frame in await jobs.pull(request, anywhere=True):
            if frame.status != "success":
                yield frame
    except UnknownModel:
        raise PullFailed(
            f"model '{model}' cannot be pulled again: what it was made from is not there any more; "
            "create or pull it anew",
            retry=False,
        ) from None


async def _looked_at_again(check: VariantCheck) -> VariantCheck:
    """The same form after it was pulled. Other contents have another folder: then the copies that
    shared the old one wait for a person."""
    rows = await in_database_thread(inventory.read_rows)
    installed = jobs.models_folder().installed
    missing = [
        variant.model
        for variant in rows.variants
        if variant.model in check.models and not (installed / variant.folder).is_dir()
    ]
    return VariantCheck(
        check.models, check.folder, check.weight_format, check.files, not missing, bool(missing)
    )
