"""What runs beside the requests, and in which order it starts and stops.

`serve` calls `start` and `stop` on the server's loop; `/health` and the console ask `is_started`
and `starting_step`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

from inference import configuration, devices, environment, records, retention, snapshot
from inference.probing import ProbeFailed
from inference.prompts import arguments
from inference.residency import compiled

log = logging.getLogger(__name__)

NOTABLE_SECONDS = 1.0
STOP_SECONDS = 3.0
TIDY_SECONDS = 3600.0


class _State:
    """Where the start-up is. `step` is "" when nothing is under way."""

    def __init__(self) -> None:
        self.step = "starting"
        self.is_started = False
        self.tasks: set[asyncio.Task[None]] = set()


_state = _State()


def is_started() -> bool:
    """Whether configuration and devices are known, so that requests can be routed."""
    return _state.is_started


def starting_step() -> str:
    """What the start-up is doing, in words; "" when it is done."""
    return _state.step


async def start() -> None:
    """Start the background tasks. Returns at once; the slow steps go on and can be watched."""
    configuration.attach(asyncio.get_running_loop())
    records.start()
    _begin(_start_up(), "start-up")
    _begin(_take_vitals(), "vital signs")


async def stop() -> None:
    """Stop everything, newest first; no engine and no child process is left. Takes seconds at most:
    a part that does not end in time is named in the log and left to the end of the process."""
    from inference import dispatch, library
    from inference.calibration import asked, schedule
    from inference.catalog import jobs, starter

    _state.is_started = False
    _state.step = "stopping"
    for task in _state.tasks:
        task.cancel()
    await asyncio.gather(*_state.tasks, return_exceptions=True)
    await _ended("the calibration asked for", asked.stop())
    await _ended("calibration", schedule.stop())
    await _ended("the starter", starter.stop())
    await _ended("models being made", library.close())
    await asyncio.gather(_ended("engines", dispatch.close()), _ended("pulls", jobs.close()))
    await _ended("records", records.stop())
    await _ended("configuration", configuration.detach())


async def _start_up() -> None:
    from inference import dispatch, warmup
    from inference.calibration import schedule
    from inference.catalog import arrivals, jobs, starter

    await _timed("reading the configuration", configuration.refresh())
    await _timed("looking for devices", _look_for_devices())
    await _timed("tidying the models folder", jobs.start())
    _state.is_started = True
    _begin(warmup.keep_pinned_loaded(), "pinned models")
    _begin(_keep_compiled_tidy(), "compiled models")
    _begin(retention.keep_tidy(), "old request records")
    schedule.start(dispatch.journal.idle_seconds, dispatch.reserve)
    await _timed("looking for the starter model", starter.ensure())
    if environment.values().get("NPU_PROXY_IMPORT_DROPPED", True):
        _begin(arrivals.watch(), "the import folder")
    _state.step = ""
    await asyncio.to_thread(arguments.warm_up)


async def _take_vitals() -> None:
    from inference import vitals

    await vitals.keep_taking()


def _begin(work: Coroutine[Any, Any, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)
    _state.tasks.add(task)
    task.add_done_callback(_state.tasks.discard)


async def _keep_compiled_tidy() -> None:
    """What NPU and GPU compiled is pruned at start and once an hour."""
    while True:
        picture = snapshot.current()
        budget = int(picture.settings.compile_cache_gigabytes * 1e9)
        digests = {model.digest for model in picture.models.values()}
        freed = await asyncio.to_thread(compiled.prune, budget, digests)
        if freed:
            log.info("%.1f GB of compiled models that nothing uses were deleted", freed / 1e9)
        await asyncio.sleep(TIDY_SECONDS)


async def _look_for_devices() -> None:
    try:
        present = await devices.discover()
        log.info("devices: %s", ", ".join(present) or "none")
        await configuration.refresh()
    except ProbeFailed as error:
        log.error("devices keep the state of the last run: %s", error)


async def _timed(step: str, work: Awaitable[None]) -> None:
    _state.step = step
    began = time.perf_counter()
    try:
        await work
    except (
        Exception
    ):  # what still works is worth more than no server; /health shows what is missing
        log.exception("%s failed", step)
    seconds = time.perf_counter() - began
    log.log(
        logging.INFO if seconds >= NOTABLE_SECONDS else logging.DEBUG, "%s: %.1f s", step, seconds
    )


async def _ended(part: str, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await work
    except TimeoutError:
        log.warning("%s did not stop within %.0f s", part, STOP_SECONDS)
    except Exception:  # one part's fault must not keep the others from stopping
        log.exception("%s did not stop cleanly", part)
