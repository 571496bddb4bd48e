"""Which engines are loaded, who uses them, when they go. Owns all that state; one event loop, no
locks.

One load per (model, device) pair however many wait for it; a bounded line, fair between clients, in
front of each engine; keep_alive decides when an idle engine is unloaded.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inference.errors import EngineFailed, ServerBusy
from inference.residency.eviction import Resident, choose_evictions
from inference.residency.line import LineFull, WaitingLine
from inference.residency.process import EngineProcess, LoadFailed, State
from inference.residency.spec import EngineSpec

log = logging.getLogger(__name__)

FAILED_LOAD_REST_SECONDS = 30.0
"""A pair whose load failed is not tried again for this long, so that requests do not wait for
it."""


@dataclass(eq=False, slots=True)
class Ticket:
    """One request waiting for a place. Times are `time.perf_counter()` seconds."""

    client: str
    granted: asyncio.Future[None]
    joined_at: float


class Slot:
    """A place on a loaded engine, for one generation. Always release it."""

    def __init__(self, engine: Engine, queue_seconds: float, load_seconds: float) -> None:
        self.engine = engine
        self.queue_seconds = queue_seconds
        self.load_seconds = load_seconds
        self._is_released = False

    @property
    def process(self) -> EngineProcess:
        """The worker to submit to."""
        return self.engine.process

    def release(self) -> None:
        """Give the place back; the next in line gets it. Safe to call twice."""
        if not self._is_released:
            self._is_released = True
            self.engine.give_back()


class Engine:
    """One (model, device) pair from the decision to load it until its process is gone."""

    def __init__(
        self, spec: EngineSpec, keep_alive_seconds: float, on_change: Callable[[Engine], None]
    ) -> None:
        self.spec = spec
        self.keep_alive_seconds = keep_alive_seconds
        self.running = 0
        self.line: WaitingLine[Ticket] = WaitingLine()
        self._is_leaving = False
        self.loaded_at: datetime | None = None
        self.expires_at: datetime | None = None
        self.idle_since: float | None = None
        self.ready_at = math.inf
        self.gone = asyncio.Event()
        self.process = EngineProcess(spec.job(), on_end=self._ended)
        self._expiry: asyncio.TimerHandle | None = None
        self._on_change = on_change

    @property
    def is_draining(self) -> bool:
        """Whether nobody new may come: it was told to leave, or its process is ending."""
        return self._is_leaving or self.process.state in (State.STOPPING, State.ENDED)

    @property
    def is_idle(self) -> bool:
        """Ready, nobody on it, nobody waiting."""
        return self.process.is_ready and self.running == 0 and len(self.line) == 0

    def became_ready(self) -> None:
        """The load is done: those who waited get their places."""
        self.loaded_at = datetime.now(UTC)
        self.ready_at = time.perf_counter()
        self.grant()
        self._rest_if_idle()

    def grant(self) -> None:
        """Give free places to those whose turn it is."""
        while self.process.is_ready and self.running < self.spec.max_concurrent_requests:
            ticket = self.line.next()
            if ticket is None:
                break
            if not ticket.granted.done():
                self.running += 1
                self.idle_since = None
                self._stop_expiry()
                ticket.granted.set_result(None)

    def give_back(self) -> None:
        """One generation less."""
        self.running -= 1
        self.grant()
        self._rest_if_idle()

    def fail_waiting(self, error: Exception) -> None:
        """Nobody will get a place any more."""
        while (ticket := self.line.next()) is not None:
            if not ticket.granted.done():
                ticket.granted.set_exception(error)

    def keep(self, seconds: float) -> None:
        """A new keep_alive, in force from now on."""
        self.keep_alive_seconds = seconds
        self._rest_if_idle()

    def _rest_if_idle(self) -> None:
        if self.is_idle:
            self.idle_since = time.monotonic()
            self._start_expiry()
            self._on_change(self)

    def _start_expiry(self) -> None:
        self._stop_expiry()
        if math.isinf(self.keep_alive_seconds):
            return
        self.expires_at = datetime.now(UTC) + timedelta(seconds=self.keep_alive_seconds)
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(max(0.0, self.keep_alive_seconds), self._expire)

    def _stop_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = self.expires_at = None

    def leave(self) -> None:
        """Let nobody new in; the residency unloads it as soon as it is idle."""
        self._is_leaving = True
        self._on_change(self)

    def _expire(self) -> None:
        if self.is_idle:
            self.leave()

    def _ended(self) -> None:
        if math.isinf(self.ready_at):
            return  # a load that failed is told by whoever loads, with its reason
        self._stop_expiry()
        self.fail_waiting(EngineFailed("the engine stopped"))
        self.gone.set()
        self._on_change(self)


class Residency:
    """Every engine of this appliance. Call from the event loop only."""

    def __init__(self) -> None:
        self._engines: dict[tuple[str, str], Engine] = {}
        self._failed: dict[EngineSpec, tuple[float, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def engines(self) -> tuple[Engine, ...]:
        """The engines that are loading or loaded."""
        return tuple(self._engines.values())

    def failure_of(self, spec: EngineSpec) -> str:
        """Why that pair recently failed to load, or ""."""
        at, text = self._failed.get(spec, (-math.inf, ""))
        return text if time.monotonic() - at < FAILED_LOAD_REST_SECONDS else ""

    async def acquire(
        self,
        spec: EngineSpec,
        *,
        client: str,
        keep_alive_seconds: float,
        max_engines: int,
        max_queued: int,
        load_timeout_seconds: float,
    ) -> Slot:
        """A place on that pair's engine, loading it if need be.

        Waits as long as the load and the line take; cancelling it leaves the line. Raises
        LoadFailed, EngineFailed (the engine died while we waited) or ServerBusy (the line is full).
        """
        joined_at = time.perf_counter()
        key = (spec.model, spec.device)
        engine: Engine | None = None
        while True:
            if self._is_closed:
                raise EngineFailed("the server is stopping")
            if text := self.failure_of(spec):
                raise LoadFailed(text)
            engine = self._engines.get(key)
            if engine is None:
                break
            if engine.spec != spec:
                engine.leave()
            if not engine.is_draining:
                break
            await engine.gone.wait()
        if engine is None:
            engine = self._engines[key] = Engine(spec, keep_alive_seconds, self._follow)
            self._own(self._load(engine, max_engines, load_timeout_seconds))
        engine.keep_alive_seconds = keep_alive_seconds
        was_loading = not engine.process.is_ready
        ticket = Ticket(client, asyncio.get_running_loop().create_future(), joined_at)
        try:
            engine.line.join(ticket, client, limit=max_queued)
        except LineFull:
            raise ServerBusy from None
        engine.grant()
        try:
            await ticket.granted
        except BaseException:
            if ticket.granted.done() and not ticket.granted.cancelled():
                if ticket.granted.exception() is None:
                    engine.give_back()
            else:
                engine.line.leave(ticket, client)
            raise
        waited = time.perf_counter() - joined_at
        loading = min(waited, engine.ready_at - joined_at) if was_loading else 0.0
        return Slot(engine, waited - loading, loading)

    async def unload(self, model: str) -> None:
        """Unload that model everywhere, each engine when it is idle. Returns when all are gone."""
        engines = [engine for engine in self.engines() if engine.spec.model == model]
        for engine in engines:
            engine.leave()
        for engine in engines:
            await engine.gone.wait()

    async def close(self) -> None:
        """Stop every engine at once; requests on them fail. Nothing is left running."""
        self._is_closed = True
        engines = self.engines()
        for task in self._tasks:
            task.cancel()
        for engine in engines:
            engine.fail_waiting(EngineFailed("the server is stopping"))
        await asyncio.gather(*(engine.process.stop() for engine in engines))
        self._engines.clear()

    async def _load(self, engine: Engine, max_engines: int, load_timeout_seconds: float) -> None:
        spec = engine.spec
        try:
            await self._make_room(engine, max_engines)
            log.info("loading %s on %s", spec.model, spec.device)
            await engine.process.start(load_timeout_seconds=load_timeout_seconds)
        except LoadFailed as error:
            log.warning("loading %s on %s failed: %s", spec.model, spec.device, error)
            self._failed[spec] = (time.monotonic(), str(error))
            engine.fail_waiting(error)
            self._drop(engine)
            return
        except OSError as error:
            log.exception("the engine process of %s could not be started", spec.model)
            engine.fail_waiting(
                LoadFailed(f"the engine process could not be started ({error.errno})")
            )
            self._drop(engine)
            return
        log.info(
            "%s is ready on %s after %.1f s", spec.model, spec.device, engine.process.load_seconds
        )
        self._failed.pop(spec, None)
        engine.became_ready()

    async def _make_room(self, wanted: Engine, max_engines: int) -> None:
        while True:
            others = [
                engine
                for engine in self.engines()
                if engine is not wanted
                and engine.spec.device == wanted.spec.device
                and not engine.gone.is_set()
            ]
            residents = tuple(
                Resident(engine.spec.model, engine.idle_since if engine.is_idle else None)
                for engine in others
            )
            plan = choose_evictions(residents, max_engines=max_engines)
            if not plan.victims and not plan.must_wait:
                return
            leaving = [e for e in others if e.spec.model in plan.victims]
            if plan.must_wait:
                # Let the busy one finish what it has, but take nothing new.
                leaving += [e for e in others if e not in leaving][:1]
            for engine in leaving:
                engine.leave()
            waits = [asyncio.ensure_future(engine.gone.wait()) for engine in leaving]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _drop(self, engine: Engine) -> None:
        engine.gone.set()
        engine.leave()

    def _follow(self, engine: Engine) -> None:
        """Act on an engine that became idle, is to go, or is gone."""
        key = (engine.spec.model, engine.spec.device)
        if engine.gone.is_set():
            if self._engines.get(key) is engine:
                del self._engines[key]
        elif engine.is_draining and engine.is_idle:
            self._own(engine.process.stop())

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
