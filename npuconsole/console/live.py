"""One producer of pictures for all open consoles, and what each of them has yet to receive.

The producer samples twice a second while anybody watches, draws once and encodes once. Each watcher
keeps only the latest picture (older ones are of no use to anybody) and is sent more only as its
browser says that it drew the ones before: a browser that stops reading costs a few kilobytes.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import orjson

from inference import appliance, callers, snapshot, status, vitals
from inference.calibration import asked, runs
from inference.catalog import jobs, starter
from inference.status import EngineStatus
from npuconsole import __version__
from npuconsole.console.models.work import read_work
from npuconsole.console.routing.calibrating import draw_calibrating
from npuconsole.console.state import Facts, Picture, draw_picture

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5
QUIET_INTERVAL_SECONDS = 2.0
"""An unchanged picture is still sent this often: it tells the browser that the line is alive."""
CALLERS_SHOWN = 5
UNSEEN_ALLOWED = 2
"""Pictures on their way to a browser at once."""


def read_picture() -> Picture:
    """The state of the appliance now. Reads memory only; runs on the event loop."""
    engines = status.engines()
    return draw_picture(
        Facts(
            at=datetime.now(UTC),
            version=__version__,
            starting_step="" if appliance.is_started() else appliance.starting_step(),
            snapshot=snapshot.current(),
            engines=engines,
            requests=status.running_requests(),
            waiting=status.waiting(),
            resting=status.resting_pairs(),
            decisions=status.recent_decisions(),
            pulls=jobs.active_jobs(),
            starter=starter.starter_state(),
            usual_loads=_usual_loads(engines),
            calibration=runs.under_way(),
            running=status.running(),
            queued=status.queued(),
            rates=status.tokens_per_second_by_device(),
            sample=vitals.newest(),
            free_bytes=vitals.free_bytes(),
            platform=sys.platform,
            work=read_work(),
            calibrating=draw_calibrating(runs.under_way(), asked.last()),
            callers=callers.latest(CALLERS_SHOWN),
        )
    )


def _usual_loads(engines: Sequence[EngineStatus]) -> dict[tuple[str, str], float]:
    """How long the models that load now took before: in this server's life, else when they were
    calibrated."""
    usual = {}
    for engine in engines:
        if engine.state != "loading":
            continue
        pair = engine.model, engine.device
        passport = snapshot.current().passports.get(pair)
        usual[pair] = status.load_of(*pair).seconds_to_ready or (
            (passport.warm_load_seconds or passport.cold_load_seconds) if passport else 0.0
        )
    return usual


class Watcher:
    """One open console. The producer offers, the consumer takes, the browser confirms."""

    def __init__(self) -> None:
        self._latest: tuple[int, bytes] | None = None
        self._unseen: deque[int] = deque()
        self._changed = asyncio.Event()

    def offer(self, number: int, frame: bytes) -> None:
        """Replace what this console would be sent next."""
        self._latest = (number, frame)
        self._changed.set()

    def confirm(self, number: int) -> None:
        """The browser drew that picture, and all before it."""
        while self._unseen and self._unseen[0] <= number:
            self._unseen.popleft()
        self._changed.set()

    async def next_frame(self) -> bytes:
        """The latest picture, as soon as there is a newer one and the browser keeps up."""
        while self._latest is None or len(self._unseen) >= UNSEEN_ALLOWED:
            self._changed.clear()
            await self._changed.wait()
        number, frame = self._latest
        self._latest = None
        self._unseen.append(number)
        return frame


class Producer:
    """Draws while there are watchers; its task lives from the first to the last of them."""

    def __init__(self, read: Callable[[], Picture]) -> None:
        self._read = read
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None
        self._number = 0

    def add(self, watcher: Watcher) -> None:
        """The watcher gets its first picture at once."""
        self._watchers.add(watcher)
        self._number += 1
        watcher.offer(self._number, _encode(self._number, self._read()))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="console pictures")

    def remove(self, watcher: Watcher) -> None:
        """Safe to call twice."""
        self._watchers.discard(watcher)
        if not self._watchers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        last: Picture | None = None
        quiet_since = 0.0
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                picture = self._read()
            except Exception:  # one bad picture must not end the live line for everybody
                log.exception("the console's picture could not be drawn")
                continue
            now = time.monotonic()
            if picture == last and now - quiet_since < QUIET_INTERVAL_SECONDS:
                continue
            last, quiet_since = picture, now
            self._number += 1
            frame = _encode(self._number, picture)
            for watcher in self._watchers:
                watcher.offer(self._number, frame)


def _encode(number: int, picture: Picture) -> bytes:
    return orjson.dumps({"type": "picture", "number": number, "picture": picture})


producer = Producer(read_picture)
