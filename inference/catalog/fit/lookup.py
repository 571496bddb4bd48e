"""From a name to its verdicts: installed models and local files from disk, all others from a hub.

`fit_of` is for the server's event loop; hubs and disks are asked in threads, two names at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from inference import environment, snapshot
from inference.catalog.errors import PullFailed, Refused, UnknownModel
from inference.catalog.fit.asking import describe_repository, is_on_hub
from inference.catalog.fit.description import Description, ListedFile, describe_path
from inference.catalog.fit.planner import Fit, Machine, check_before_pull, plan_fit
from inference.catalog.fit.verdicts import Room
from inference.catalog.folders import ModelsFolder
from inference.catalog.names import ModelName, parse_name, same_model
from inference.catalog.recipes import Plan, plan_for_name
from inference.catalog.sources import Source
from inference.catalog.sources.hub import HubSource
from inference.catalog.sources.hub_repository import HubRepository
from inference.catalog.sources.local import LocalSource
from inference.catalog.sources.package_index import PackageIndexSource
from inference.catalog.stopping import Stop
from inference.disk import free_bytes
from inference.errors import InferenceError, ModelNotFound
from inference.snapshot import ModelInfo, Snapshot

_AT_ONCE = asyncio.Semaphore(2)


class HubUnreachable(InferenceError):
    """A model cannot be looked at because its hub does not answer, or not to us."""

    code = "hub_unreachable"


async def fit_of(text: str, candidates: Sequence[str] = ()) -> Fit:
    """The verdicts for the model that a client names. Takes a second or two for what is not here.

    Raises InvalidRequest for what is no name, ModelNotFound for what nobody knows, Refused for
    what cannot be installed, HubUnreachable with what to do. A cancel ends the question to the hub.
    """
    picture = snapshot.current()
    name = parse_name(text)
    models = ModelsFolder(environment.models_folder(), environment.home())
    stop = Stop()
    async with _AT_ONCE:
        try:
            return await asyncio.to_thread(_look, name, picture, models, candidates, stop)
        except UnknownModel:
            raise ModelNotFound(text) from None
        except Refused:
            raise
        except PullFailed as failure:
            raise HubUnreachable(failure.message) from failure
        finally:
            stop.set()


def check_plan(plan: Plan, models: ModelsFolder, stop: Stop) -> str:
    """What a pull should warn of before it begins, "" for nothing; for a job's thread.

    Raises Refused for what certainly runs on no device here, Stopped. Files with pinned contents
    were tried before they were pinned. A source that cannot be asked is left to the pull, which
    will say so.
    """
    source = plan.sources[0]
    if isinstance(source, PackageIndexSource) or (isinstance(source, HubSource) and source.pins):
        return ""
    try:
        description = describe_source(source, stop)
    except PullFailed:
        return ""
    machine = machine_of(snapshot.current(), models)
    return check_before_pull(plan_fit(description, machine, patterns=patterns_of(source)))


def machine_of(picture: Snapshot, models: ModelsFolder, token_limit: int | None = None) -> Machine:
    """This machine, with an NPU even if there is none: what it could run is worth knowing.
    Asks the disk for what is free."""
    rooms = tuple(
        Room(
            device=device.name,
            memory_bytes=device.memory_budget_bytes,
            is_present=device.present and device.enabled,
            emulated=device.emulated,
            max_prompt_len=device.max_prompt_len,
            min_response_len=device.min_response_len,
            token_limit=token_limit or picture.routing.token_limit,
            kv_precision=str(device.engine_properties.get("KV_CACHE_PRECISION", "")),
        )
        for device in picture.devices
        if device.present or device.device_class == "NPU"
    )
    return Machine(rooms, free_bytes(models.root))


def _look(
    name: ModelName,
    picture: Snapshot,
    models: ModelsFolder,
    candidates: Sequence[str],
    stop: Stop,
) -> Fit:
    installed = next((one for one in picture.models.values() if same_model(one.name, name)), None)
    if installed is not None and installed.variants:
        return _fit_of_installed(installed, picture, models, candidates)
    machine = machine_of(picture, models)
    failure: PullFailed = UnknownModel()
    for source in plan_for_name(name, models.drop).sources:
        try:
            description = describe_source(source, stop)
        except PullFailed as error:
            failure = error
            continue
        return plan_fit(
            description,
            machine,
            patterns=patterns_of(source),
            candidates=candidates,
            exists=lambda repository: is_on_hub(repository, stop),
        )
    raise failure


def _fit_of_installed(
    model: ModelInfo, picture: Snapshot, models: ModelsFolder, candidates: Sequence[str]
) -> Fit:
    found = describe_path(model.variants[0].folder)
    # The folder's name is made of ours; the facts in it tell more than a name could.
    described = Description(model.name, found.files, found.texts, found.graph_tail, found.facts)
    machine = machine_of(picture, models, model.token_limit)
    return plan_fit(described, machine, is_installed=True, candidates=candidates)


def describe_source(source: Source, stop: Stop) -> Description:
    """What a source says of its model, without the weights. Raises PullFailed, Stopped."""
    if isinstance(source, LocalSource):
        try:
            return describe_path(source.path)
        except OSError as error:
            raise PullFailed(f"{source.path.name} cannot be read: {error.strerror}") from error
    if isinstance(source, PackageIndexSource):
        files = tuple(ListedFile(file.name, file.size_bytes) for file in source.files)
        return Description(source.distribution, files)
    assert isinstance(source, HubSource | HubRepository), "there are no other sources"
    return describe_repository(source.repository, source.revision, stop)


def patterns_of(source: Source) -> tuple[str, ...]:
    """Which files a pull from that source fetches; () = all that make up the model."""
    if isinstance(source, HubRepository) and source.quant:
        return (f"*{source.quant}*",)
    return source.patterns if isinstance(source, HubSource) else ()
