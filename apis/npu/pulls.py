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
from inference.catalog.job_rows import JobRow

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


def report_of(job: JobRow) -> PullReport:
    """The job as clients see it."""
    return PullReport(
        id=job.id,
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


def _answer(job: JobRow) -> HttpResponse:
    return JsonAnswer(report_of(job).model_dump(), content_type=JSON)
