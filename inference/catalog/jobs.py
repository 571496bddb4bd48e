"""Pulls under way. A job belongs to the server, not to the client that asked for it: clients may
come, join, leave and come back, and a job that the server's end interrupted is taken up again.

The functions here are for the server's event loop; the work itself runs in threads and child
processes (`pulling`, `install`, `children`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from inference import configuration, environment
from inference.catalog import inventory, job_rows, making_rows
from inference.catalog.blobs import BlobStore
from inference.catalog.errors import PullFailed, Refused, UnknownJob, UnknownModel
from inference.catalog.folders import ModelsFolder
from inference.catalog.job_rows import UNFINISHED, JobRow
from inference.catalog.making import Making, run_making
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import Progress, PullFrame, PullStatus
from inference.catalog.pulling import Pull, run_pull
from inference.catalog.recipes import Plan, plan_for_path
from inference.catalog.sources.local import find_path, looks_like_path
from inference.catalog.stopping import Stop, Why
from inference.database import in_database_thread
from inference.errors import InferenceError, InvalidRequest

logger = logging.getLogger(__name__)

_THREADS = 64
"""Pulls that are known at the same time; `pulling.AT_ONCE` of them run."""

_STOP_SECONDS = 10.0

ACTIVE = job_rows.ACTIVE
"""The statuses of a row whose job is under way."""

_CLOSE_SECONDS = 2.0


@dataclass(slots=True)
class _Job:
    pull: Pull | Making
    progress: Progress
    stop: Stop
    task: asyncio.Future[None]


class PullWatch:
    """A look at one pull. Iterate it for the lines of Ollama's pull, from the first one on.

    The iteration ends after "success", with which requests find the model, or raises PullFailed.
    Dropping it does not stop the pull.
    """

    def __init__(self, job: _Job) -> None:
        self._job = job

    @property
    def model_name(self) -> str:
        """The name the model has, or will have."""
        return self._job.pull.name.display

    @property
    def status(self) -> PullStatus:
        """Where the job is now."""
        return self._job.progress.status

    async def __aiter__(self) -> AsyncIterator[PullFrame]:
        async for frame in self._job.progress.watch():
            if frame.status == "success":
                await configuration.refresh()
            yield frame

    async def finished(self) -> None:
        """Wait for the end; raises PullFailed like the iteration does."""
        async for _ in self:
            pass


_jobs: dict[str, _Job] = {}
_failures: dict[str, str] = {}
_threads: ThreadPoolExecutor | None = None
_is_closing = False
_is_swept = asyncio.Event()
"""What is fetched before the sweep would be taken for the rest of a dead job."""


def models_folder() -> ModelsFolder:
    """The models folder in use."""
    return ModelsFolder(environment.models_folder(), environment.home())


async def start(*, take_up: bool = True) -> None:
    """Sweep what dead jobs left and take up what was interrupted. Once, before the first pull.
    A command that only wants its own job leaves the interrupted ones to the server (`take_up`)."""
    global _is_closing
    _is_closing = False
    models = models_folder()
    await asyncio.to_thread(models.create)
    await in_database_thread(making_rows.fail_interrupted)
    names = await in_database_thread(job_rows.unfinished_names)
    going_on = [parse_name(name) for name in names]
    if removed := await asyncio.to_thread(models.sweep, going_on):
        logger.info("removed %d unfinished downloads or imports", removed)
    await asyncio.to_thread(BlobStore(models.blobs).sweep)
    _is_swept.set()
    if not take_up:
        return
    for request in await in_database_thread(job_rows.interrupted_requests):
        logger.info("taking up the pull of %s again", request)
        try:
            await pull(request, anywhere=True)  # it was allowed when it was first asked for
        except InferenceError as error:
            logger.warning("cannot take up the pull of %s: %s", request, error.message)
            await in_database_thread(job_rows.fail_request, request, error.message)
    if removed := await asyncio.to_thread(inventory.settle, models):
        logger.info("removed %d variants that no model has", removed)


async def pull(text: str, *, anywhere: bool = False) -> PullWatch:
    """Start pulling what a client named, or join the job that already does. While the server starts
    it waits for the sweep.

    `text` is a model's name, or a place on disk (`file:NAME` below the import folder; with
    `anywhere` also an absolute path: see `sources.local`). Raises InvalidRequest for what is
    neither; everything else that can go wrong is raised by the watch.
    """
    await until_swept()
    if looks_like_path(text):
        models = models_folder()
        path = await asyncio.to_thread(find_path, text, models.drop, anywhere=anywhere)
        plan = plan_for_path(path)
        wanted = Pull(plan.name, plan)
    else:
        wanted = Pull(parse_name(text))
    return PullWatch(_running(wanted.name) or _begin(wanted))


async def until_swept() -> None:
    """Wait until what is put into a work folder stays there; not when the server ends."""
    if not _is_closing:
        await _is_swept.wait()


async def install(plan: Plan) -> PullWatch:
    """Start installing what that plan says. Raises InvalidRequest if the model is being installed
    already."""
    if _running(plan.name) is not None:
        raise InvalidRequest(f"model '{plan.name}' is being installed", field="model")
    return PullWatch(_begin(Pull(plan.name, plan)))


async def make(making: Making) -> PullWatch:
    """Start making a model from another one. Raises InvalidRequest if a job for a model of that
    name is under way."""
    await until_swept()
    if _running(making.name) is not None:
        raise InvalidRequest(f"a job for model '{making.name}' is under way", field="model")
    return PullWatch(_begin(making))


def active_jobs() -> tuple[PullStatus, ...]:
    """What is being pulled now, longest under way first. In memory; never blocks."""
    statuses = (job.progress.status for job in _jobs.values())
    return tuple(status for status in statuses if not status.is_over)


def status_of(name: ModelName) -> PullStatus | None:
    """The pull of that model, if there is one under way."""
    job = _jobs.get(name.key)
    return job.progress.status if job and not job.progress.status.is_over else None


def last_failure(name: ModelName) -> str:
    """Why the last pull of that model failed, since this server runs; "" when none did."""
    job = _jobs.get(name.key)
    if job is not None and job.progress.status.is_over:  # its end has not been noted yet
        _remember_failure(name.key, job.progress)
    return _failures.get(name.key, "")


async def find(job_id: int) -> JobRow:
    """A job, as it is now. Raises UnknownJob."""
    return _as_it_is_now(await _row(job_id))


async def newest(limit: int) -> list[JobRow]:
    """The newest jobs, whatever became of them, as they are now."""
    return [_as_it_is_now(row) for row in await in_database_thread(job_rows.newest_jobs, limit)]


async def _row(job_id: int) -> JobRow:
    row = await in_database_thread(job_rows.find_job, job_id)
    if row is None:
        raise UnknownJob(job_id)
    return row


def _as_it_is_now(row: JobRow) -> JobRow:
    """The row is about a second behind its job, and one that rests behind being resumed."""
    live = status_of(parse_name(row.model_name)) if row.status in UNFINISHED else None
    if live is None:
        return row
    return replace(
        row,
        status=live.status,
        step=live.step,
        fraction=live.fraction,
        total_bytes=live.total_bytes,
        completed_bytes=live.completed_bytes,
    )


async def pause(job_id: int) -> JobRow:
    """Have a job rest; returns its row when it does. It keeps what it has downloaded, and rests
    over restarts of the server. A job that rests already goes on doing so.

    Raises UnknownJob, InvalidRequest for a job that is over, or is no pull.
    """
    row = await _row(job_id)
    _require_pull(row)
    if row.status == "paused" and _running(parse_name(row.model_name)) is None:
        return row
    await _stop(row, Why.PAUSED)
    return await find(job_id)


async def resume(job_id: int) -> JobRow:
    """Have a job that rests, failed or was cancelled go on; returns its row. Its place in the list
    is a new one unless it rested. Raises UnknownJob, InvalidRequest for one that is done or no
    pull."""
    row = await _row(job_id)
    _require_pull(row)
    if row.status == "done":
        raise InvalidRequest(f"the pull of '{row.model_name}' is over: {row.status}")
    await pull(row.source or row.model_name, anywhere=True)  # it was allowed when it was asked for
    return await find(job_id)


async def cancel(job_id: int) -> JobRow:
    """End a job and remove what it has downloaded; returns its row. A model that was installed
    before stays. Raises UnknownJob, InvalidRequest for a job that is over."""
    row = await _row(job_id)
    name = parse_name(row.model_name)
    if row.status == "paused" and _running(name) is None:
        await asyncio.to_thread(models_folder().discard_downloads, name)
        await in_database_thread(job_rows.cancel_job, job_id, name)
    elif row.status != "cancelled":
        await _stop(row, Why.CANCELLED)
    return await find(job_id)


def _require_pull(row: JobRow) -> None:
    if making_rows.is_making(row.source):
        raise InvalidRequest("only pulls can rest and go on; this job can be cancelled")


async def _stop(row: JobRow, why: Why) -> None:
    job = _running(parse_name(row.model_name))
    if job is None or row.status not in UNFINISHED:
        raise InvalidRequest(f"the pull of '{row.model_name}' is over: {row.status}")
    job.stop.set(why)
    await asyncio.wait([job.task], timeout=_STOP_SECONDS)


async def close() -> None:
    """Stop every pull; its children are dead when this returns, within about two seconds."""
    global _threads, _is_closing, _is_swept
    _is_closing = True
    _is_swept = asyncio.Event()
    jobs = list(_jobs.values())
    for job in jobs:
        job.stop.set()
    if jobs:
        await asyncio.wait([job.task for job in jobs], timeout=_CLOSE_SECONDS)
    _jobs.clear()
    if _threads is not None:
        _threads.shutdown(wait=False, cancel_futures=True)
        _threads = None


def _running(name: ModelName) -> _Job | None:
    job = _jobs.get(name.key)
    return None if job is None or job.progress.status.is_over else job


def _begin(wanted: Pull | Making) -> _Job:
    global _threads
    if _is_closing:
        raise PullFailed("the server is stopping")
    if _threads is None:
        _threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pull")
    loop = asyncio.get_running_loop()
    progress, stop = Progress(wanted.name.display, loop), Stop()
    if isinstance(wanted, Making):
        task = loop.run_in_executor(_threads, run_making, wanted, models_folder(), progress, stop)
    else:
        task = loop.run_in_executor(_threads, run_pull, wanted, models_folder(), progress, stop)
    job = _Job(wanted, progress, stop, task)
    key = wanted.name.key
    _jobs[key] = job

    def forget(_: asyncio.Future[None]) -> None:
        if _jobs.get(key) is job:
            del _jobs[key]
        _remember_failure(key, progress)

    task.add_done_callback(forget)
    return job


def _remember_failure(key: str, progress: Progress) -> None:
    _failures.pop(key, None)
    # Not of what cannot be had: anybody can make names up, without end.
    if progress.status.error and not isinstance(progress.error, UnknownModel | Refused):
        _failures[key] = progress.status.error
