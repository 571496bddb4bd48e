"""What the models take of the disk. Copies share folders, so sizes do not simply add up. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from inference.catalog.inventory import Inventory


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Bytes of one model: of all its folders, of those that others have too, and what its deletion
    would free. `shared_with` are the others."""

    name: str
    size_bytes: int
    shared_bytes: int
    freed_bytes: int
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes of the models folder. `installed_bytes` counts every folder once, those of no model
    included."""

    models: tuple[ModelUse, ...]
    installed_bytes: int
    quarantined_bytes: int
    unfinished_bytes: int
    uploaded_bytes: int
    dropped_bytes: int


def disk_use(seen: Inventory) -> DiskUse:
    """What lies there, by model and in all."""
    sizes = {folder.name: folder.size_bytes for folder in seen.folders}
    sizes |= seen.quarantined
    owners: dict[str, set[str]] = defaultdict(set)
    for variant in seen.rows.variants:
        owners[variant.folder].add(variant.model)
    uses = []
    for model in seen.rows.models:
        own = {folder for folder, names in owners.items() if model.name in names}
        if not own:
            continue  # it could not be installed, or is on its way
        shared = {folder for folder in own if len(owners[folder]) > 1}
        size = sum(sizes.get(folder, 0) for folder in own)
        shared_bytes = sum(sizes.get(folder, 0) for folder in shared)
        others = sorted({name for folder in shared for name in owners[folder]} - {model.name})
        uses.append(ModelUse(model.name, size, shared_bytes, size - shared_bytes, tuple(others)))
    return DiskUse(
        models=tuple(uses),
        installed_bytes=sum(folder.size_bytes for folder in seen.folders),
        quarantined_bytes=sum(seen.quarantined.values()),
        unfinished_bytes=sum(seen.work.values()),
        uploaded_bytes=sum(seen.blobs.values()),
        dropped_bytes=sum(seen.dropped.values()),
    )
