"""The model that suits a machine: a table of machines, with the known models as they come."""

from __future__ import annotations

import pytest

from inference.catalog.fit.planner import Machine
from inference.catalog.fit.verdicts import Room
from inference.catalog.known.catalogue import catalogue
from inference.suggestion import FREE_LICENSES, suggest

GB = 10**9
NPU = Room("NPU", 18 * GB)
GPU = Room("GPU", 20 * GB)
CPU = Room("CPU", 18 * GB)


def machine(*rooms: Room, disk: int = 200 * GB) -> Machine:
    return Machine(rooms, disk)


@pytest.mark.parametrize(
    ("rooms", "disk", "cores", "name", "device"),
    [
        ((NPU, GPU, CPU), 200 * GB, 12, "phi-3.5", "NPU"),
        ((Room("NPU", 4 * GB), CPU), 200 * GB, 8, "tinyllama", "NPU"),
        ((Room("NPU", 18 * GB, emulated=True), CPU), 200 * GB, 2, "qwen3:0.6b", "CPU"),
        ((Room("NPU", 18 * GB, is_present=False), CPU), 200 * GB, 4, "qwen2.5:1.5b", "CPU"),
        ((GPU, CPU), 200 * GB, 4, "qwen3", "GPU"),
        ((CPU,), 200 * GB, 1, "smollm2:360m", "CPU"),
        ((CPU,), 500 * 10**6, 16, "qwen3:0.6b", "CPU"),
    ],
    ids=["laptop", "little-memory", "emulated", "absent", "gpu", "one-core", "full-disk"],
)
def test_the_best_model_for_a_machine(
    rooms: tuple[Room, ...], disk: int, cores: int, name: str, device: str
) -> None:
    found = suggest(catalogue().models, machine(*rooms, disk=disk), cores)
    assert found is not None
    assert (found.name, found.device) == (name, device)
    assert found.license in FREE_LICENSES.values()
    assert len(found.reasons) == 4


def test_a_machine_without_room_gets_no_suggestion() -> None:
    assert suggest(catalogue().models, machine(CPU, disk=10**6), 8) is None
    assert suggest(catalogue().models, machine(Room("CPU", 10**8)), 8) is None
    assert suggest((), machine(CPU), 8) is None


def test_the_numbers_are_in_the_reasons() -> None:
    found = suggest(catalogue().models, machine(NPU, CPU), 8)
    assert found is not None
    told = " ".join(found.reasons).replace("\u00a0", " ")
    for words in ("3.8 billion parameters", "2.1 GB to download", "18.0 GB of memory for NPU"):
        assert words in told
