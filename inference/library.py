"""What clients may do to the installed models beside pulling them: copy, delete, make new ones.

For the API families, on the event loop. A change is in force when these return.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference import configuration, conversions, dispatch
from inference.catalog import copies, jobs, unsettled
from inference.catalog.blobs import BlobStore
from inference.catalog.copies import NameTaken, NoSuchModel, Presets
from inference.catalog.creation import as_creation, as_quantization, beginning_of, ending_of
from inference.catalog.errors import PullFailed
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.recipes import Plan
from inference.catalog.sources import bytes_under
from inference.catalog.sources.local import LocalSource
from inference.database import in_database_thread
from inference.errors import InferenceError, InvalidRequest, ModelNotFound
from inference.prompts import tokens

log = logging.getLogger(__name__)

UNLOAD_SECONDS = 5.0
"""How long a change waits for answers under way on engines that have to go."""


@dataclass(frozen=True, slots=True)
class Order:
    """A model to be made, from another one (`source`) or from uploaded files: names and digests.
    One of the two is there. `weights` are what a model from another one is compressed to ("" = it
    shares that one's); see `conversions.TARGETS`."""

    name: ModelName
    presets: Presets = Presets()
    source: ModelName | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    weights: str = ""


def blobs() -> BlobStore:
    """The files that clients uploaded."""
    return BlobStore(jobs.models_folder().blobs)


async def copy(source: ModelName, destination: ModelName) -> None:
    """A second model like the first one, which may be named by an alias. Raises ModelNotFound."""
    found = dispatch.find_model(source.display)
    await _copy(parse_name(found.name) if found else source, destination, Presets())


async def delete(name: ModelName) -> int:
    """The model goes, and what it alone had on disk; returns how many bytes that was. Raises
    ModelNotFound."""
    root = jobs.models_folder().root
    try:
        folders = await in_database_thread(copies.delete_rows, name, root)
    except NoSuchModel:
        raise ModelNotFound(name.display) from None
    await configuration.refresh()
    freed = sum([await asyncio.to_thread(bytes_under, folder) for folder in folders])
    await _remove(name, folders)
    log.info("%s was deleted; %.1f MB are free again", name, freed / 1e6)
    return freed


async def rename(name: ModelName, new: ModelName) -> None:
    """The model has another name. Raises ModelNotFound, and InvalidRequest for a name that is taken
    or is being installed."""
    if jobs.status_of(name) or jobs.status_of(new):
        busy = name if jobs.status_of(name) else new
        raise InvalidRequest(f"model '{busy}' is being installed", field="model")
    try:
        old = await in_database_thread(copies.rename_rows, name, new)
    except NoSuchModel:
        raise ModelNotFound(name.display) from None
    except NameTaken:
        raise InvalidRequest(f"there is a model '{new}' already", field="new_name") from None
    await configuration.refresh()
    if old != new.display:
        await _unload(parse_name(old))


async def edit(name: ModelName, presets: Presets) -> None:
    """The model's presets become these, all of them: what they do not say it says no more. Its
    license stays. Raises ModelNotFound."""
    try:
        await in_database_thread(_edit_row, name, presets)
    except NoSuchModel:
        raise ModelNotFound(name.display) from None
    await configuration.refresh()


async def create(order: Order) -> AsyncIterator[PullFrame]:
    """Make that model; returns the lines of its making. They end after "success", or by raising.
    It is made whether or not somebody reads them. Raises InvalidRequest, PullFailed at once for
    what cannot even begin."""
    store = blobs()
    for digest in order.files.values():
        if not await store.has(digest):
            raise InvalidRequest(f'blob "sha256:{digest}" is not here', field="files")
    progress = Progress(order.name.display, asyncio.get_running_loop())
    task = asyncio.create_task(_made(order, progress), name=f"making {order.name}")
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return progress.watch()


async def close() -> None:
    """End what is being made."""
    for task in _tasks:
        task.cancel()
    await asyncio.gather(*_tasks, return_exceptions=True)


_tasks: set[asyncio.Task[None]] = set()


async def _made(order: Order, progress: Progress) -> None:
    try:
        if order.source is not None:
            await _make_from_model(order, order.source, progress)
        else:
            await _make_from_files(order, progress)
    except InferenceError as error:
        progress.fail(error, "failed")
    except asyncio.CancelledError:
        progress.fail(PullFailed("the server is stopping"), "interrupted")
        raise
    except Exception:  # watchers wait for an end: any fault must become one
        log.exception("making %s", order.name)
        progress.fail(
            PullFailed("the model could not be made for a reason that is in the log"), "failed"
        )
    else:
        progress.succeed()


async def _make_from_model(order: Order, source: ModelName, progress: Progress) -> None:
    if dispatch.find_model(source.display) is None:
        watch = await jobs.pull(source.display)
        async for frame in watch:
            if frame.status != "success":
                progress.milestone(frame)
    model = dispatch.resolve_model(source.display)
    progress.milestone(beginning_of(model.digest))
    if order.weights:
        watch = await conversions.compress(
            model.name, order.weights, order.name.display, presets=order.presets
        )
        change = progress.milestone
        async for frame in watch:
            if (shown := as_quantization(frame, model, order.weights)) is not None:
                (change if shown.digest else progress.milestone)(shown)
                change = progress.advance if shown.digest else change
    else:
        await _copy(parse_name(model.name), order.name, order.presets, parent=model.name)
    for frame in ending_of(order.presets):
        progress.milestone(frame)


async def _make_from_files(order: Order, progress: Progress) -> None:
    await jobs.until_swept()
    models = jobs.models_folder()
    folder = await asyncio.to_thread(models.new_work_folder)
    try:
        await asyncio.to_thread(_place_all, order.files, folder)
        path = _only_gguf(order.files, folder) or folder
        plan = Plan(order.name, f"file:{path}", (LocalSource(path),))
        async for frame in await jobs.install(plan):
            if (shown := as_creation(frame, has_gguf=path != folder)) is not None:
                progress.milestone(shown)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await in_database_thread(copies.set_presets, order.name, order.presets)
    await configuration.refresh()
    for frame in ending_of(order.presets):
        progress.milestone(frame)


def _edit_row(name: ModelName, presets: Presets) -> None:
    model = copies.ready_model(name)
    model.system, model.template = presets.system or "", presets.template or ""
    model.parameters = dict(presets.parameters)
    model.messages = [
        {"role": message.role, "content": message.content} for message in presets.messages or ()
    ]
    model.save(update_fields=["system", "template", "parameters", "messages", "modified_at"])


def _place_all(files: Mapping[str, str], folder: Path) -> None:
    for name, digest in files.items():
        blobs().place(digest, folder / name)


def _only_gguf(files: Mapping[str, str], folder: Path) -> Path | None:
    """The file, if it is one GGUF file."""
    names = [name for name in files if name.lower().endswith(".gguf")]
    if len(names) > 1:
        raise InvalidRequest("a model is made from one GGUF file", field="files")
    return folder / names[0] if names else None


async def _copy(
    source: ModelName, destination: ModelName, presets: Presets, *, parent: str = ""
) -> None:
    root = jobs.models_folder().root
    try:
        folders = await in_database_thread(
            copies.copy_rows, source, destination, presets, root, parent=parent
        )
    except NoSuchModel:
        raise ModelNotFound(source.display) from None
    await configuration.refresh()
    if folders:
        await _remove(destination, folders)


async def _remove(name: ModelName, folders: Sequence[Path]) -> None:
    """Unload the model and remove folders that nothing names any more."""
    await _unload(name)
    for folder in folders:
        tokens.forget(folder)
        await asyncio.to_thread(unsettled.remove, folder, jobs.models_folder())


async def _unload(name: ModelName) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(UNLOAD_SECONDS):
            await dispatch.unload_all(name.display)
