"""The rows of the catalogue: what a pull reads and writes in the database.

Synchronous; called in a job's thread or through `inference.database`. Every function is one short
transaction and closes its connection, so that no thread keeps one that goes stale.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, connections, transaction
from django.db.models import Q
from django.utils import timezone

from inference import environment
from inference.catalog import unsettled
from inference.catalog.folders import ModelsFolder
from inference.catalog.manifest import Installed, read_manifest
from inference.catalog.names import ModelName
from inference.catalog.progress import PullStatus
from inference.catalog.recipes import Plan
from inference.catalog.recompression.quality import read_quality
from inference.models import Model, ModelVariant, PullJob

logger = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

ACTIVE = (PullJob.Status.QUEUED, PullJob.Status.DOWNLOADING, PullJob.Status.IMPORTING)
_UNFINISHED = (*ACTIVE, PullJob.Status.PAUSED)
COMPRESS, CONVERT = "compress ", "convert "
"""How the requests of jobs begin that make a model from another one. They have a space, which no
name of a model has, and are no path."""

MAKING = Q(source__startswith=COMPRESS) | Q(source__startswith=CONVERT)
_LONGEST_FAMILY = 60
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Form:
    """One finished form of a model, and the device classes that may load it (() = all)."""

    installed: Installed
    device_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRow:
    """One pull as its row has it. `status` is one of PullJob.Status; `source` is the text that
    leads to the same plan again."""

    id: int
    model_name: str
    source: str
    status: str
    step: str
    total_bytes: int
    completed_bytes: int
    fraction: float
    error: str
    created_at: datetime
    finished_at: datetime | None


def short_transaction(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function in one transaction; its thread keeps no connection."""

    @functools.wraps(function)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with transaction.atomic():
                return function(*args, **kwargs)
        finally:
            if not transaction.get_connection().in_atomic_block:
                connections.close_all()

    return run


@short_transaction
def find_ready(name: ModelName, models_root: Path) -> Installed | None:
    """The first variant that a ready model of that name has on disk, if all are complete there."""
    model = Model.objects.filter(name__iexact=name.display, status=Model.Status.READY).first()
    variants = ModelVariant.objects.filter(model=model) if model else ()
    found = [read_manifest(models_root / variant.folder) for variant in variants]
    return found[0] if found and all(found) else None


@short_transaction
def request_of(name: ModelName) -> str:
    """What was asked for when that model was last pulled, "" if that is not known."""
    jobs = PullJob.objects.filter(model_name__iexact=name.display).exclude(source="")
    newest = jobs.exclude(MAKING).order_by("-created_at").first()
    return newest.source if newest else ""


@short_transaction
def has_forms(name: ModelName, wanted: Sequence[Sequence[str]]) -> bool:
    """Whether for each of these groups of device classes (empty = all) the model has a form."""
    variants = ModelVariant.objects.filter(model__name__iexact=name.display)
    there = [set(variant.device_classes) for variant in variants]
    return all(any(not have or set(classes) <= have for have in there) for classes in wanted)


@short_transaction
def has_any_model() -> bool:
    """Whether the catalogue has a row at all, ready or not."""
    return Model.objects.exists()


@short_transaction
def is_known_but_not_ready(name: ModelName) -> bool:
    """Whether the model has a row that says it cannot be served."""
    models = Model.objects.filter(name__iexact=name.display)
    return models.exclude(status=Model.Status.READY).exists()


@short_transaction
def announce(plan: Plan) -> None:
    """A row for the model, so that requests for it are told to wait."""
    _announce(plan)


def _announce(plan: Plan) -> Model:
    model: Model | None = Model.objects.filter(name__iexact=plan.name.display).first()
    if model is None:
        model = Model.objects.create(
            name=plan.name.display,
            status=Model.Status.INSTALLING,
            family=plan.family or "unknown",
            capabilities=list(plan.capabilities),
            license=plan.license,
            parameters=dict(plan.parameters),
        )
    elif model.status == Model.Status.FAILED:
        model.status = Model.Status.INSTALLING
        model.save(update_fields=["status", "modified_at"])
    return model


@short_transaction
def open_job(plan: Plan) -> int:
    """The job's row, made or taken up again, and a row for its model; the job's id."""
    _announce(plan)
    name = plan.name.display
    job = PullJob.objects.filter(model_name__iexact=name, status__in=_UNFINISHED).first()
    if job is None:
        job = PullJob(model_name=name, source=plan.request[:400])
    else:
        job.status, job.step, job.error = PullJob.Status.QUEUED, "taken up again", ""
    job.save()
    job_id: int = job.pk
    return job_id


@short_transaction
def _save_progress(job_id: int, status: PullStatus) -> None:
    # Only while the row is active: a late note must not undo how the job ended.
    PullJob.objects.filter(pk=job_id, status__in=ACTIVE).update(
        status=status.status,
        step=status.step[:_LONGEST_WORDS],
        digest=status.digest,
        total_bytes=status.total_bytes,
        completed_bytes=status.completed_bytes,
        fraction=min(1.0, max(0.0, status.fraction)),
        modified_at=timezone.now(),
    )


def save_progress(job_id: int, status: PullStatus) -> None:
    """Note how far the job is. A database that is busy costs a note, not the job."""
    try:
        _save_progress(job_id, status)
    except DatabaseError:
        logger.warning("the progress of the pull of %s was not noted", status.model_name)


@short_transaction
def publish(job_id: int, plan: Plan, forms: Sequence[Form], models_root: Path) -> list[Path]:
    """The model becomes ready, with those variants, and the job done, in one transaction. The first
    form describes the model.

    Returns folders that no row names any more.
    """
    installed = forms[0].installed
    facts = installed.facts
    model = _announce(plan)  # somebody may have deleted the row meanwhile
    model.status = Model.Status.READY
    model.family = str(facts.get("architecture") or "unknown")[:_LONGEST_FAMILY]
    model.digest = installed.digest
    model.size_bytes = installed.size_bytes
    model.parameter_count = int(facts.get("parameter_count") or 0)
    model.quantization = str(facts.get("quantization") or "unknown")
    model.context_length = int(facts.get("context_length") or 0)
    model.capabilities = list(facts.get("capabilities") or plan.capabilities)
    model.license = str(facts.get("license") or plan.license)
    model.source = installed.source
    model.facts = dict(facts)
    model.save()
    left = [folder for form in _distinct(forms) for folder in _publish(form, model, models_root)]
    finish_job(job_id, facts)
    leave(left, models_root)
    return left


def finish_job(job_id: int, facts: Mapping[str, Any]) -> None:
    """The job is done. What was lost by it, if its model has other weights than it came with, is
    its last word. In the transaction of what it made."""
    quality = read_quality(facts)
    PullJob.objects.filter(pk=job_id).update(
        status=PullJob.Status.DONE,
        step=(f"done: {quality}" if quality else "done")[:_LONGEST_WORDS],
        error="",
        fraction=1.0,
        modified_at=timezone.now(),
        finished_at=timezone.now(),
    )


def _distinct(forms: Sequence[Form]) -> list[Form]:
    """Forms with weights of different formats: of two alike the first is for all devices, because a
    model has one variant of a format."""
    chosen: dict[str, Form] = {}
    for form in forms:
        weight_format = form.installed.weight_format
        first = chosen.setdefault(weight_format, form)
        if first is not form:
            chosen[weight_format] = Form(first.installed)
    return list(chosen.values())


def _publish(form: Form, model: Model, models_root: Path) -> list[Path]:
    made = form.installed
    folder = made.folder.relative_to(models_root).as_posix()
    replaced = ModelVariant.objects.filter(model=model, weight_format=made.weight_format).exclude(
        folder=folder
    )
    left = [models_root / old.folder for old in replaced if not is_shared(old)]
    ModelVariant.objects.update_or_create(
        model=model,
        weight_format=made.weight_format,
        defaults={
            "folder": folder,
            "size_bytes": made.size_bytes,
            "device_classes": list(form.device_classes),
        },
    )
    return left


def leave(folders: Sequence[Path], models_root: Path) -> None:
    """Note, before the rows go that name them, folders that are to be removed."""
    unsettled.note(folders, ModelsFolder(models_root, environment.home()))


def is_shared(variant: ModelVariant) -> bool:
    """Whether another model has the same folder."""
    others = ModelVariant.objects.filter(folder=variant.folder).exclude(pk=variant.pk)
    return bool(others.exists())


@short_transaction
def forget_job(job_id: int, plan: Plan) -> None:
    """The job leaves nothing behind: no row of its own, and none of a model that has no files."""
    PullJob.objects.filter(pk=job_id).delete()
    made_up = Model.objects.filter(name__iexact=plan.name.display, variants__isnull=True)
    made_up.exclude(status=Model.Status.READY).delete()


@short_transaction
def fail_job(job_id: int, name: ModelName, error: str) -> None:
    """The job failed; a model that was there before stays as it was."""
    now = timezone.now()
    PullJob.objects.filter(pk=job_id).update(
        status=PullJob.Status.FAILED, step="failed", error=error, modified_at=now, finished_at=now
    )
    for model in Model.objects.filter(name__iexact=name.display, status=Model.Status.INSTALLING):
        model.status = Model.Status.FAILED
        model.save(update_fields=["status", "modified_at"])


@short_transaction
def interrupted_requests() -> list[str]:
    """What was being pulled when the server ended, as texts to pull again, oldest first.

    Models that say they are being installed while no job does it are marked as failed.
    """
    jobs = list(PullJob.objects.filter(status__in=ACTIVE).order_by("created_at"))
    names = unfinished_names()
    for model in Model.objects.filter(status=Model.Status.INSTALLING).exclude(name__in=names):
        model.status = Model.Status.FAILED
        model.save(update_fields=["status", "modified_at"])
    return [job.source or job.model_name for job in jobs]


def unfinished_names() -> list[str]:
    """The models whose jobs go on, at once or when somebody resumes them."""
    jobs = PullJob.objects.filter(status__in=_UNFINISHED)
    return list(jobs.values_list("model_name", flat=True))


read_unfinished_names = short_transaction(unfinished_names)


@short_transaction
def is_paused(name: ModelName) -> bool:
    """Whether the model's pull rests until somebody resumes it."""
    paused = PullJob.objects.filter(model_name__iexact=name.display, status=PullJob.Status.PAUSED)
    return bool(paused.exists())


@short_transaction
def pause_job(job_id: int) -> None:
    """The job rests, also over a restart of the server, until it is resumed."""
    PullJob.objects.filter(pk=job_id, status__in=ACTIVE).update(
        status=PullJob.Status.PAUSED, step="paused", modified_at=timezone.now()
    )


@short_transaction
def cancel_job(job_id: int, name: ModelName) -> None:
    """The job is over. A model that was there before stays as it was; one without files goes."""
    now = timezone.now()
    PullJob.objects.filter(pk=job_id, status__in=_UNFINISHED).update(
        status=PullJob.Status.CANCELLED, step="cancelled", modified_at=now, finished_at=now
    )
    models = Model.objects.filter(name__iexact=name.display, status=Model.Status.INSTALLING)
    models.filter(variants__isnull=True).delete()
    models.update(status=Model.Status.FAILED)


@short_transaction
def find_job(job_id: int) -> JobRow | None:
    """One job, whatever became of it."""
    found = PullJob.objects.filter(pk=job_id).first()
    return None if found is None else _job_row(found)


@short_transaction
def newest_jobs(limit: int) -> list[JobRow]:
    """The newest jobs, whatever became of them."""
    return [_job_row(job) for job in PullJob.objects.order_by("-created_at", "-pk")[:limit]]


def _job_row(job: PullJob) -> JobRow:
    return JobRow(**{field.name: getattr(job, field.name) for field in fields(JobRow)})


@short_transaction
def fail_request(request: str, error: str) -> None:
    """An interrupted pull that cannot be taken up again."""
    for job in PullJob.objects.filter(source=request, status__in=ACTIVE):
        job.status, job.step, job.error = PullJob.Status.FAILED, "failed", error
        job.finished_at = timezone.now()
        job.save()
        Model.objects.filter(name__iexact=job.model_name, status=Model.Status.INSTALLING).update(
            status=Model.Status.FAILED
        )
