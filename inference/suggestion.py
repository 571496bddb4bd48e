"""Which known model suits this machine best, by a rule of thumb and with its reasons.

Pure: the catalogue's entries and the fit planner's view of the machine go in. Whether the files
really fit is the planner's word (`catalog.fit.lookup`), once a hub has told what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference.catalog.fetching import peak_bytes
from inference.catalog.fit.memory import engine_bytes
from inference.catalog.fit.planner import Machine
from inference.catalog.fit.verdicts import Room
from inference.catalog.known.entries import Export, KnownModel
from inference.catalog.sources.package_index import PackageIndexSource

MEMORY_SHARE = 1 / 3
"""Of what a device's engines may have: the rest is for other models and long conversations."""
MOST_PARAMETERS = {"NPU": 4.5e9, "GPU": 9e9}
PARAMETERS_PER_CORE = 0.4e9
"""A processor reads all weights for each token: twice the weights, half the speed."""
FREE_LICENSES = {"apache-2.0": "Apache 2.0", "mit": "MIT"}
BITS_PER_WEIGHT = {"int4": 4.5, "int8": 8.5, "F16": 16, "Q4_K_M": 4.9, "Q4_1": 5.0, "Q8_0": 8.5}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model to begin with, made for `device`. `download_bytes` is about what a pull fetches."""

    name: str
    title: str
    device: str
    parameter_count: int
    download_bytes: int
    license: str
    reasons: tuple[str, ...]


def suggest(known: Iterable[KnownModel], machine: Machine, cores: int) -> Suggestion | None:
    """The largest freely usable model that answers without long waits on the best device that this
    machine really has. `cores` are the processor's own, without hyper-threading's."""
    models = [model for model in known if _is_eligible(model)]
    for room in _by_worth(machine.rooms):
        fitting = [model for model in models if _suits(model, room, machine, cores)]
        if fitting:
            best = max(fitting, key=_worth)
            return _suggestion(best, room, machine, cores)
    return None


def size_of(export: Export, parameter_count: int) -> int:
    """About how many bytes of files an export has."""
    if isinstance(export.source, PackageIndexSource):
        return export.source.wheel_bytes
    word = export.format.split(" ")[0]
    return int(parameter_count * BITS_PER_WEIGHT.get(word, 8.5) / 8)


def _is_eligible(model: KnownModel) -> bool:
    return (
        "completion" in model.capabilities
        and not model.refused
        and model.license in FREE_LICENSES
        and model.parameter_count > 0
    )


def _worth(model: KnownModel) -> tuple[int, int, str]:
    """Larger is better; of about the same size the one that reads more, then the later one, whose
    name has the higher number."""
    return round(model.parameter_count / 1e8), model.context_length, model.title


def _by_worth(rooms: Sequence[Room]) -> list[Room]:
    """An NPU before a GPU before the CPU; one that is emulated is the CPU itself."""
    rank = {"NPU": 0, "GPU": 1, "CPU": 2}
    there = [room for room in rooms if room.is_present and not room.emulated]
    return sorted(there, key=lambda room: rank.get(room.device_class, 3))


def _suits(model: KnownModel, room: Room, machine: Machine, cores: int) -> bool:
    if room.device_class == "NPU" and model.npu != "good":
        return False
    if model.parameter_count > MOST_PARAMETERS.get(room.device_class, cores * PARAMETERS_PER_CORE):
        return False
    export = _export_for(model, room)
    size = size_of(export, model.parameter_count)
    fits = engine_bytes(size) <= MEMORY_SHARE * room.memory_bytes
    needs = peak_bytes(size, is_export=export.format.startswith("int"))
    return fits and needs <= machine.free_bytes


def _export_for(model: KnownModel, room: Room) -> Export:
    made = [export for export in model.exports if room.device_class in export.devices]
    common = [export for export in model.exports if not export.devices]
    return (made or common or list(model.exports))[0]


def _suggestion(model: KnownModel, room: Room, machine: Machine, cores: int) -> Suggestion:
    size = size_of(_export_for(model, room), model.parameter_count)
    billions = f"{model.parameter_count / 1e9:.1f} billion parameters"
    if room.device_class == "NPU":
        why = f"The largest of the known models that run well on an NPU: {billions}."
    elif room.device_class == "GPU":
        why = f"The largest of the known models with room on {room.device}: {billions}."
    else:
        each = "1 core" if cores == 1 else f"{cores} cores"
        why = f"About the largest that {each} answer with without long waits: {billions}."
    memory = engine_bytes(size)
    takes = f"It takes about {_size(memory)} of the {_size(room.memory_bytes)} of memory for"
    return Suggestion(
        name=model.names[0],
        title=model.title,
        device=room.device,
        parameter_count=model.parameter_count,
        download_bytes=size,
        license=FREE_LICENSES[model.license],
        reasons=(
            why,
            f"{takes} {room.device}.",
            f"About {_size(size)} to download; the disk has {_size(machine.free_bytes)} free.",
            f"{FREE_LICENSES[model.license]} licence: free for any use.",
        ),
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f}\u00a0GB" if count >= 1e9 else f"{count / 1e6:.0f}\u00a0MB"
