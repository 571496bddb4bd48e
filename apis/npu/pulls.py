"""/api/npu/pulls: the jobs that fetch models, which belong to the server and not to a client."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpResponse
from ninja import Path, Query, Router

from apis.answers import JsonAnswer
from apis.calls import ApiRequest
from apis.npu.errors import JSON
from apis.npu.schemas import PullReport, PullReports
from inference.catalog import jobs
from inference.catalog.names import parse_name
from inference.models import PullJob

router = Router()

MOST_PULLS = 200
JobId = Annotated[int, Path(ge=1, le=2**31)]


@router.get("", response=PullReports)
async def newest(
    request: ApiRequest, limit: Annotated[int, Query(ge=1, le=MOST_PULLS)] = 20
) -> HttpResponse:
    """The newest pulls, whatever became of them."""
    found = [report_of(job) for job in await jobs.newest(limit)]
    return JsonAnswer(PullReports(pulls=found).model_dump(), content_type=JSON)


@router.get("/{job_id}", response=PullReport)
async def one(request: ApiRequest, job_id: JobId) -> HttpResponse:
    """One pull."""
    return _answer(await jobs.find(job_id))


@router.post("/{job_id}/pause", response=PullReport)
async def pause(request: ApiRequest, job_id: JobId) -> HttpResponse:
    """Have a pull rest until it is resumed, also over restarts of the server."""
    return _answer(await jobs.pause(job_id))


@router.post("/{job_id}/resume", response=PullReport)
async def resume(request: ApiRequest, job_id: JobId) -> HttpResponse:
    """Have a pull that rests, failed or was cancelled go on; it answers at once."""
    return _answer(await jobs.resume(job_id))


@router.post("/{job_id}/cancel", response=PullReport)
async def cancel(request: ApiRequest, job_id: JobId) -> HttpResponse:
    """End a pull and remove what it has downloaded."""
    return _answer(await jobs.cancel(job_id))


def report_of(job: PullJob) -> PullReport:
    """The row, with what is known of a job under way since it was last written."""
    report = PullReport(
        id=job.pk,
        model=job.model_name,
        status=job.status,
        step=job.step,
        total_bytes=job.total_bytes,
        completed_bytes=job.completed_bytes,
        fraction=job.fraction,
        error=job.error,
        created_at=job.created_at.isoformat(),
        finished_at=job.finished_at.isoformat() if job.finished_at else None,
    )
    # A row that rests may be behind a job that was resumed a moment ago.
    may_run = job.status in (*jobs.ACTIVE, PullJob.Status.PAUSED)
    live = jobs.status_of(parse_name(job.model_name)) if may_run else None
    if live is not None:
        report.status, report.step, report.fraction = live.status, live.step, live.fraction
        report.total_bytes, report.completed_bytes = live.total_bytes, live.completed_bytes
    return report


def _answer(job: PullJob) -> HttpResponse:
    return JsonAnswer(report_of(job).model_dump(), content_type=JSON)
