"""Pulls under way. A job belongs to the server, not to the client that asked for it: clients may
come, join, leave and come back, and a job that the server's end interrupted is taken up again.

`start`, `pull`, `active_jobs`, `status_of` and `close` are for the server's event loop; the work
itself runs in threads and child processes (`pulling`, `install`, `children`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from inference import environment
from inference.catalog import inventory, rows
from inference.catalog.blobs import BlobStore
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.folders import ModelsFolder
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import Progress, PullFrame, PullStatus
from inference.catalog.pulling import Pull, run_pull
from inference.catalog.recipes import Plan, plan_for_path
from inference.catalog.sources.local import find_path, looks_like_path
from inference.catalog.stopping import Stop
from inference.database import in_database_thread
from inference.errors import InferenceError, InvalidRequest

logger = logging.getLogger(__name__)

_AT_ONCE = 2
"""Pulls that run at the same time; more of them wait. Imports take a core each."""

_CLOSE_SECONDS = 2.0


@dataclass(slots=True)
class _Job:
    pull: Pull
    progress: Progress
    stop: Stop
    task: asyncio.Future[None]


class PullWatch:
    """A look at one pull. Iterate it for the lines of Ollama's pull, from the first one on.

    The iteration ends after "success", or raises PullFailed. Dropping it does not stop the pull.
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

    def __aiter__(self) -> AsyncIterator[PullFrame]:
        return self._job.progress.watch()

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


async def start() -> None:
    """Sweep what dead jobs left and take up what was interrupted. Once, before the first pull."""
    global _is_closing
    _is_closing = False
    models = models_folder()
    await asyncio.to_thread(models.create)
    if removed := await asyncio.to_thread(models.sweep):
        logger.info("removed %d unfinished downloads or imports", removed)
    await asyncio.to_thread(BlobStore(models.blobs).sweep)
    _is_swept.set()
    for request in await in_database_thread(rows.interrupted_requests):
        logger.info("taking up the pull of %s again", request)
        try:
            await pull(request, anywhere=True)  # it was allowed when it was first asked for
        except InferenceError as error:
            logger.warning("cannot take up the pull of %s: %s", request, error.message)
            await in_database_thread(rows.fail_request, request, error.message)
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


def _begin(wanted: Pull) -> _Job:
    global _threads
    if _is_closing:
        raise PullFailed("the server is stopping")
    if _threads is None:
        _threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pull")
    loop = asyncio.get_running_loop()
    progress, stop = Progress(wanted.name.display, loop), Stop()
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
    # Not of names that no source knows: anybody can make those up, without end.
    if progress.status.error and not isinstance(progress.error, UnknownModel):
        _failures[key] = progress.status.error
