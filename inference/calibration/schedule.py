"""Calibration in the background: pairs without a passport are measured when nobody needs the
machine.

One pair after another; a request or an asked-for run stops the one under way within a moment, and
it is begun anew when all is quiet again. The appliance calls `start` and `stop`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable

from inference import snapshot
from inference.calibration import runs
from inference.calibration.measure import Limits, Pair, Reserve
from inference.errors import InferenceError
from inference.snapshot import Snapshot

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How soon a request stops a calibration."""
LOOK_AGAIN_SECONDS = 3600.0
"""A failed passport becomes due by its age, which no changed row announces."""


def is_quiet(idle_seconds: float, wanted_seconds: float, *, is_run_wanted: bool) -> bool:
    """Whether the background may measure: nothing ran for as long as the owner wants, 0 meaning
    never, and nobody asked for a run."""
    return 0 < wanted_seconds <= idle_seconds and not is_run_wanted


class Schedule:
    """The background task. `idle_seconds_of` says for how long no request has been there (0 while
    one is); calibration itself does not count."""

    def __init__(self, idle_seconds_of: Callable[[], float]) -> None:
        self._idle_seconds_of = idle_seconds_of
        self._nothing_due_in: Snapshot | None = None
        self._looked_at = -math.inf
        self._given_up: set[tuple[str, str]] = set()
        self._task = asyncio.create_task(self._run(), name="calibration")

    async def stop(self) -> None:
        """End it, and the calibration under way; no process is left."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._is_quiet():
                continue
            try:
                pair = await self._next_pair()
                if pair is not None:
                    await self._measure_while_quiet(pair)
            except Exception:  # the next look may find the database or the folder mended
                log.exception("the background calibration had to be put off")
                await asyncio.sleep(60 * LOOK_SECONDS)

    def _is_quiet(self) -> bool:
        wanted = snapshot.current().settings.calibrate_when_idle_seconds
        return is_quiet(self._idle_seconds_of(), wanted, is_run_wanted=runs.is_wanted())

    async def _next_pair(self) -> Pair | None:
        picture, now = snapshot.current(), time.monotonic()
        if picture is self._nothing_due_in and now - self._looked_at < LOOK_AGAIN_SECONDS:
            return None
        for pair in await runs.due_pairs(picture):
            if (pair.model.name, pair.device.name) not in self._given_up:
                return pair
        self._nothing_due_in, self._looked_at = picture, now
        return None

    async def _measure_while_quiet(self, pair: Pair) -> None:
        name = pair.model.name, pair.device.name
        work = asyncio.create_task(runs.measure_and_store(pair, Limits(), lambda step: None))
        try:
            while not work.done() and self._is_quiet():
                await asyncio.wait({work}, timeout=LOOK_SECONDS)
        finally:
            if not work.done():
                work.cancel()
                log.info("the calibration of %s on %s gives way", *name)
            await asyncio.gather(work, return_exceptions=True)
        error = None if work.cancelled() else work.exception()
        if isinstance(error, InferenceError):
            log.info("%s on %s cannot be calibrated now: %s", *name, error)
            await asyncio.sleep(60 * LOOK_SECONDS)
        elif error is not None:  # a fault of ours must not be repeated for ever
            log.error("the calibration of %s on %s broke", *name, exc_info=error)
            self._given_up.add(name)


_schedule: Schedule | None = None


def start(idle_seconds_of: Callable[[], float], reserve: Reserve) -> None:
    """Begin to look for quiet times. Call it once the devices are known, on the event loop.
    `reserve` is used for every calibration from now on."""
    global _schedule
    runs.reserve_with(reserve)
    _schedule = Schedule(idle_seconds_of)


async def stop() -> None:
    """End the background and what it measures. Safe to call when it was never started."""
    global _schedule
    if _schedule is not None:
        await _schedule.stop()
        _schedule = None
    runs.reserve_with(None)
