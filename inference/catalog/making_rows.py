"""The rows of models that are made from others. Synchronous and short, like `rows`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from django.utils import timezone

from inference.catalog import copies, job_rows
from inference.catalog.copies import Presets, apply_presets
from inference.catalog.manifest import Installed
from inference.catalog.names import ModelName
from inference.catalog.rows import Form, leave, put_form
from inference.catalog.transactions import short_transaction
from inference.models import Model, ModelVariant, Passport, PullJob

_INTERRUPTED = "the server ended before it was done; nothing is left of it"


@short_transaction
def open_job(name: ModelName, request: str) -> int:
    """The job's row; its id."""
    PullJob.objects.filter(model_name__iexact=name.display, status__in=job_rows.ACTIVE).update(
        status=PullJob.Status.FAILED, error=_INTERRUPTED, finished_at=timezone.now()
    )
    job = PullJob.objects.create(
        model_name=name.display, source=request[:400], status=PullJob.Status.IMPORTING
    )
    return int(job.pk)


def is_making(request: str) -> bool:
    """Whether a job's request, as its row keeps it, is not that of a pull."""
    return request.startswith((job_rows.COMPRESS, job_rows.CONVERT))


@short_transaction
def fail_interrupted() -> int:
    """End the rows of jobs that the server's end interrupted; how many there were."""
    return int(
        PullJob.objects.filter(job_rows.MAKING, status__in=job_rows.ACTIVE).update(
            status=PullJob.Status.FAILED,
            step="failed",
            error=_INTERRUPTED,
            finished_at=timezone.now(),
        )
    )


@short_transaction
def add_form(
    job_id: int,
    installed: Installed,
    models_root: Path,
    *,
    name: ModelName,
    device_classes: Collection[str],
    presets: Presets,
) -> list[Path]:
    """The model `name` has that form from now on, for those devices; its other forms remain for
    them if this one fails. Returns folders that no row names any more. Raises copies.NoSuchModel if
    the model was deleted meanwhile."""
    model = copies.ready_model(name)
    for other in ModelVariant.objects.filter(model=model):
        # What was made for these devices before is now for all, which is asked after this one.
        kept = [kind for kind in other.device_classes or () if kind not in device_classes]
        if kept != list(other.device_classes or ()):
            other.device_classes = kept
            other.save()
    left = put_form(Form(installed, tuple(device_classes)), model, models_root)
    apply_presets(model, presets)
    model.save()
    leave(left, models_root)
    job_rows.finish_job(job_id, installed.facts)
    return left


@short_transaction
def add_model(
    job_id: int,
    installed: Installed,
    models_root: Path,
    *,
    name: ModelName,
    source: ModelName,
    presets: Presets,
) -> list[Path]:
    """`name` becomes a model like `source`, with its presets and those, that has only that form.
    Returns folders that no row names any more. Raises copies.NoSuchModel."""
    left = copies.copy_rows(source, name, presets, models_root, parent=source.display)
    model = Model.objects.get(name__iexact=name.display)
    Passport.objects.filter(model=model).delete()
    ModelVariant.objects.filter(model=model).delete()
    folder = installed.folder.relative_to(models_root).as_posix()
    ModelVariant.objects.create(
        model=model,
        weight_format=installed.weight_format,
        folder=folder,
        size_bytes=installed.size_bytes,
    )
    model.digest = installed.digest
    model.size_bytes = installed.size_bytes
    model.quantization = str(installed.facts.get("quantization") or installed.weight_format)
    model.facts = dict(installed.facts)
    model.save()
    job_rows.finish_job(job_id, installed.facts)
    return [path for path in left if path != models_root / folder]
