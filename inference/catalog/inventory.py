"""What the rows name and what lies on the disk, looked at together: for the start's tidying, the
doctor (`catalog.doctor`) and disk use (`catalog.disk_use`).

Synchronous and blocking; called through `inference.database` or in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from inference.catalog import unsettled
from inference.catalog.folders import ModelsFolder
from inference.catalog.job_rows import UNFINISHED
from inference.catalog.names import parse_name
from inference.catalog.sources import bytes_under
from inference.catalog.transactions import short_transaction
from inference.catalog.verification import has_all_files, load_manifest
from inference.errors import InvalidRequest
from inference.models import Model, ModelVariant, PullJob


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model of the catalogue."""

    name: str
    status: str
    digest: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class VariantRow:
    """A variant of the catalogue; `folder` is the folder's name."""

    model: str
    folder: str
    weight_format: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class UnfinishedJob:
    """A pull that is not over by its own account."""

    id: int
    model: str
    status: str


@dataclass(frozen=True, slots=True)
class FolderOnDisk:
    """A folder among the installed ones. `model` is "" when its manifest cannot be read;
    `is_whole` says that every file is there in its size."""

    name: str
    size_bytes: int
    model: str = ""
    digest: str = ""
    weight_format: str = ""
    is_whole: bool = False
    is_in_its_place: bool = False
    is_unsettled: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What the database says, at one moment."""

    models: tuple[ModelRow, ...] = ()
    variants: tuple[VariantRow, ...] = ()
    jobs: tuple[UnfinishedJob, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything at once. `work` are this server's own work folders, `blobs` uploaded files,
    `dropped` what lies in the import folder and `quarantined` damaged variants, each with bytes.
    `running` are the keys of the models that jobs of the running server are at, None when no server
    runs."""

    rows: Rows = Rows()
    folders: tuple[FolderOnDisk, ...] = ()
    quarantined: Mapping[str, int] = field(default_factory=dict)
    work: Mapping[str, int] = field(default_factory=dict)
    blobs: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    running: frozenset[str] | None = None


@short_transaction
def read_rows() -> Rows:
    """The catalogue as the database has it."""
    return Rows(
        models=tuple(
            ModelRow(model.name, model.status, model.digest, model.source)
            for model in Model.objects.order_by("name")
        ),
        variants=tuple(
            VariantRow(
                variant.model.name,
                PurePosixPath(variant.folder).name,
                variant.weight_format,
                variant.size_bytes,
            )
            for variant in ModelVariant.objects.select_related("model").order_by("pk")
        ),
        jobs=tuple(
            UnfinishedJob(job.pk, job.model_name, job.status)
            for job in PullJob.objects.filter(status__in=UNFINISHED).order_by("pk")
        ),
    )


def look(models: ModelsFolder, running: frozenset[str] | None) -> Inventory:
    """Look at rows and disk. The disk comes first: a variant that is published meanwhile is then a
    row without a folder seen, so folders that are missing are looked for once more."""
    folders = {folder.name: folder for folder in _folders(models)}
    rows = read_rows()
    for variant in rows.variants:
        path = models.installed / variant.folder
        if variant.folder not in folders and path.is_dir():
            folders[variant.folder] = _folder(path, models)
    # And one that was deleted meanwhile is no orphan.
    there = tuple(f for f in folders.values() if (models.installed / f.name).is_dir())
    return Inventory(
        rows=rows,
        folders=there,
        quarantined=_sizes(models.quarantine),
        work={n: s for n, s in _sizes(models.work).items() if n.startswith(f"{models.server}-")},
        blobs=_sizes(models.blobs),
        dropped=_sizes(models.drop),
        running=running,
    )


def settle(models: ModelsFolder) -> int:
    """Remove folders that a killed server left between two states; returns how many."""
    rows = read_rows()
    return unsettled.settle(
        models,
        named={variant.folder for variant in rows.variants},
        awaited=[parse_name(job.model) for job in rows.jobs],
    )


def _folders(models: ModelsFolder) -> Iterator[FolderOnDisk]:
    for path in sorted(models.installed.iterdir()) if models.installed.is_dir() else ():
        if path.is_dir() and not path.name.startswith("."):
            yield _folder(path, models)


def _folder(path: Path, models: ModelsFolder) -> FolderOnDisk:
    manifest = load_manifest(path)
    marked = (models.unsettled / f"{models.server}@{path.name}").exists()
    if manifest is None:
        return FolderOnDisk(path.name, bytes_under(path), is_unsettled=marked)
    try:
        place = models.variant_folder(
            parse_name(manifest.name), manifest.weight_format, manifest.digest
        )
        is_in_its_place = place.name == path.name
    except InvalidRequest:
        is_in_its_place = False
    return FolderOnDisk(
        name=path.name,
        size_bytes=sum(file.size_bytes for file in manifest.files.values()),
        model=manifest.name,
        digest=manifest.digest,
        weight_format=manifest.weight_format,
        is_whole=has_all_files(path),
        is_in_its_place=is_in_its_place,
        is_unsettled=marked,
    )


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of everything in `folder`, by name."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            found[path.name] = bytes_under(path) if path.is_dir() else path.stat().st_size
        except OSError:
            continue  # it went meanwhile
    return found
