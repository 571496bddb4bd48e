"""The rows of the jobs that pull models or make them, and what becomes of their models' rows.

Synchronous; called in a job's thread or through `inference.database`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from inference.catalog import rows
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import PullStatus
from inference.catalog.recipes import Plan
from inference.catalog.recompression.quality import read_quality
from inference.catalog.rows import Form
from inference.catalog.transactions import short_transaction
from inference.models import PullJob

logger = logging.getLogger(__name__)

ACTIVE = (PullJob.Status.QUEUED, PullJob.Status.DOWNLOADING, PullJob.Status.IMPORTING)
"""The statuses of a row whose job is under way."""

UNFINISHED = (*ACTIVE, PullJob.Status.PAUSED)
"""The statuses of a row whose job goes on, at once or when somebody resumes it."""

COMPRESS, CONVERT = "compress ", "convert "
"""How the requests of jobs begin that make a model from another one. They have a space, which no
name of a model has, and are no path."""

MAKING = Q(source__startswith=COMPRESS) | Q(source__startswith=CONVERT)
_LONGEST_REQUEST = 400
_LONGEST_WORDS = 200


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


@short_transaction
def open_job(plan: Plan) -> int:
    """The job's row, made or taken up again, and a row for its model; the job's id."""
    rows.announce(plan)
    name = plan.name.display
    job = PullJob.objects.filter(model_name__iexact=name, status__in=UNFINISHED).first()
    if job is None:
        job = PullJob(model_name=name)
    else:
        job.status, job.step, job.error = PullJob.Status.QUEUED, "taken up again", ""
    job.source = plan.request[:_LONGEST_REQUEST]
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
    """The model becomes ready, with those variants, and the job done, in one transaction.

    Returns folders that no row names any more.
    """
    left = rows.publish(plan, forms, models_root)
    finish_job(job_id, forms[0].installed.facts)
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


@short_transaction
def forget_job(job_id: int, plan: Plan) -> None:
    """The job leaves nothing behind: no row of its own, and none of a model that has no files."""
    PullJob.objects.filter(pk=job_id).delete()
    rows.end_installing(plan.name, is_forgotten=True)


@short_transaction
def fail_job(job_id: int, name: ModelName, error: str, *, is_forgotten: bool = False) -> None:
    """The job failed; a model that was there before stays as it was. One without files says that it
    failed, unless it `is_forgotten`."""
    now = timezone.now()
    PullJob.objects.filter(pk=job_id).update(
        status=PullJob.Status.FAILED, step="failed", error=error, modified_at=now, finished_at=now
    )
    rows.end_installing(name, is_forgotten=is_forgotten)


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
    PullJob.objects.filter(pk=job_id, status__in=UNFINISHED).update(
        status=PullJob.Status.CANCELLED, step="cancelled", modified_at=now, finished_at=now
    )
    rows.end_installing(name, is_forgotten=True)


@short_transaction
def interrupted_requests() -> list[str]:
    """What was being pulled when the server ended, as texts to pull again, oldest first.

    Models that say they are being installed while no job does it are marked as failed.
    """
    jobs = list(PullJob.objects.filter(status__in=ACTIVE).order_by("created_at"))
    rows.fail_installing_but(unfinished_names())
    return [job.source or job.model_name for job in jobs]


@short_transaction
def fail_request(request: str, error: str) -> None:
    """An interrupted pull that cannot be taken up again."""
    for job in PullJob.objects.filter(source=request, status__in=ACTIVE):
        job.status, job.step, job.error = PullJob.Status.FAILED, "failed", error
        job.finished_at = timezone.now()
        job.save()
        rows.end_installing(parse_name(job.model_name), is_forgotten=False)


@short_transaction
def unfinished_names() -> list[str]:
    """The models whose jobs go on, at once or when somebody resumes them."""
    jobs = PullJob.objects.filter(status__in=UNFINISHED)
    return list(jobs.values_list("model_name", flat=True))


@short_transaction
def is_paused(name: ModelName) -> bool:
    """Whether the model's pull rests until somebody resumes it."""
    paused = PullJob.objects.filter(model_name__iexact=name.display, status=PullJob.Status.PAUSED)
    return bool(paused.exists())


@short_transaction
def request_of(name: ModelName) -> str:
    """What was asked for when that model was last pulled, "" if that is not known."""
    jobs = PullJob.objects.filter(model_name__iexact=name.display).exclude(source="")
    newest = jobs.exclude(MAKING).order_by("-created_at").first()
    return newest.source if newest else ""


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
