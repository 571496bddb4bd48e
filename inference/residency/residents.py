"""Which engines are loaded, who uses them, when they go. Owns all that state; one event loop, no
locks.

One load per (model, device) pair however many wait for it. `scheduling` says where a request gets
its place, `eviction` what must go for a load, `health` how far a pair is relied on; here it is
done.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

from inference.errors import EngineFailed, ServerBusy
from inference.memory import resident_bytes
from inference.residency.compiled import mark_used
from inference.residency.engine import Engine, Slot, Ticket
from inference.residency.eviction import EvictionPlan, Resident, choose_evictions
from inference.residency.health import LOAD_REASONS, HealthBook
from inference.residency.line import LineFull
from inference.residency.placement import NoPlace, Option, Passed, Placement
from inference.residency.process import LoadFailed, Patience
from inference.residency.scheduling import Decision, PairState, PairView, choose_place
from inference.router import WORDS, PairLoad, Reason

log = logging.getLogger(__name__)

TOLD_REASONS = LOAD_REASONS | {Reason.ENGINE_FAILED}
"""Reasons whose words are those of the failure itself."""
MOST_DEATHS = 4
"""A request that saw so many loads of a pair end with its process waits for no more of them."""
GIVEN_UP = PairView(PairState.RESTING, rest_reason=Reason.ENGINE_FAILED)
LEAST_TURN_SECONDS = 5.0
"""An engine in use keeps its device at least this long, and at least twice as long as its load
took, before another model may have the place: a device must not only load."""


class Residency:
    """Every engine of this appliance. Call from the event loop only. `is_pinned(model, device)`
    names the pairs that neither time nor other models drive out."""

    def __init__(self, is_pinned: Callable[[str, str], bool] = lambda model, device: False) -> None:
        self.health = HealthBook()
        self._is_pinned = is_pinned
        self._engines: dict[tuple[str, str], Engine] = {}
        self._going: set[Engine] = set()
        self._reserved: dict[object, tuple[str, int]] = {}
        self._load_seconds: dict[tuple[str, str], float] = {}
        self._origins: dict[Engine, tuple[Option, Patience]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._is_closed = False

    def engines(self) -> tuple[Engine, ...]:
        """The engines that are loading, loaded or leaving."""
        return (*self._engines.values(), *self._going)

    def load_of(self, model: str, device: str) -> PairLoad:
        """What that pair does now, as the router wants to know it."""
        engine = self._engines.get((model, device))
        typical = self._load_seconds.get((model, device), 0.0)
        quarantine = self.health.quarantine_of(model, device)
        if engine is None or engine.is_draining:
            return PairLoad(seconds_to_ready=typical, quarantine=quarantine)
        return PairLoad(
            state="ready" if engine.process.is_ready else "loading",
            running=engine.running,
            queued=len(engine.line),
            places=engine.spec.max_concurrent_requests,
            seconds_to_ready=0.0 if engine.process.is_ready else typical,
            quarantine=quarantine,
        )

    async def acquire(
        self,
        options: Sequence[Option],
        *,
        client: str,
        keep_alive_seconds: float,
        patience: Patience = Patience(),
        request_id: str = "",
        may_bridge: bool = True,
    ) -> Placement:
        """A place on the first option that has one, loading what is not loaded.

        Waits as long as loads and lines take; cancelling it leaves the lines. Raises NoPlace, or
        EngineFailed when the server stops.
        """
        began = time.perf_counter()
        passed: dict[tuple[str, Reason], Passed] = {}
        deaths: Counter[tuple[str, str]] = Counter()
        while True:
            if self._is_closed:
                raise EngineFailed("the server is stopping")
            views = (GIVEN_UP if deaths[o.key] >= MOST_DEATHS else self._view(o) for o in options)
            decision = choose_place(tuple(views), may_bridge=may_bridge)
            for index, reason in decision.passed:
                option = options[index]
                words = self.health.of(option.spec).text if reason in TOLD_REASONS else ""
                passed[option.spec.device, reason] = Passed(
                    option.spec.device, reason, words or WORDS[reason]
                )
            lines = self._begin_loads(options, decision, keep_alive_seconds, patience)
            if decision.take is not None:
                engine = self._engines[options[decision.take].key]
                engine.take()
            elif not lines:
                raise NoPlace(tuple(passed.values()), self._retry_after(options, decision))
            else:
                granted = await self._wait_in(lines, client, request_id)
                if granted is None:
                    deaths.update((e.spec.model, e.spec.device) for e, _ in lines if e.has_died)
                    continue
                engine = granted
            engine.keep_alive_seconds = keep_alive_seconds
            option = next(o for o in options if o.spec == engine.spec)
            passed_over = tuple(p for p in passed.values() if p.device != engine.spec.device)
            return Placement(_slot_since(began, engine), option, passed_over)

    async def unload(self, *, model: str = "", device: str = "") -> None:
        """Unload what is meant, each engine when it is idle. Returns when all are gone."""
        engines = [engine for engine in self.engines() if engine.spec.is_of(model, device)]
        for engine in engines:
            engine.leave()
        for engine in engines:
            await engine.gone.wait()

    @contextlib.asynccontextmanager
    async def reserved(self, option: Option) -> AsyncIterator[None]:
        """Room on the option's device for an engine that is not ours (calibration). Waits until
        idle engines have gone and those in use are done; others are kept off meanwhile. Raises
        LoadFailed when pinned models leave no room."""
        token = object()
        own = self._engines.get(option.key)
        if own is not None:  # whoever pinned it will have it again afterwards
            self._dismiss(own)
        await self._make_room(token, option)
        self._reserved[token] = (option.spec.device, option.spec.memory_bytes)
        try:
            yield
        finally:
            del self._reserved[token]
            self._tell()

    async def close(self) -> None:
        """Stop every engine at once; requests on them fail. Nothing is left running."""
        self._is_closed = True
        engines = self.engines()
        for task in self._tasks:
            task.cancel()
        for engine in engines:
            engine.turn_away()
        await asyncio.gather(*(engine.process.stop() for engine in engines))
        self._engines.clear()
        self._going.clear()

    def _view(self, option: Option) -> PairView:
        spec = option.spec
        engine = self._engines.get(option.key)
        if engine is not None and engine.spec != spec:
            self._dismiss(engine)
            engine = None
        if engine is None or engine.is_draining:
            state, reason = self._state_without_engine(option)
            return PairView(
                state,
                max_queued=option.max_queued,
                overflow=option.overflow,
                rest_reason=reason,
            )
        return PairView(
            PairState.READY if engine.process.is_ready else PairState.LOADING,
            engine.free_places,
            len(engine.line),
            option.max_queued,
            option.overflow,
        )

    def _state_without_engine(self, option: Option) -> tuple[PairState, Reason]:
        if self.health.is_load_failing(option.spec):
            return PairState.RESTING, Reason(self.health.of(option.spec).reason)
        plan = self._eviction_plan(option, is_urgent=True)
        if plan.is_refused:
            return PairState.RESTING, Reason.OUT_OF_MEMORY
        state = PairState.BLOCKED if plan.waits_for_use else PairState.COLD
        return state, Reason.DEVICE_LOADING

    def _begin_loads(
        self,
        options: Sequence[Option],
        decision: Decision,
        keep_alive_seconds: float,
        patience: Patience,
    ) -> list[tuple[Engine, int]]:
        """Start what the decision loads; returns the lines it waits in, each with its bound."""
        is_only_way = decision.take is None and len(decision.wait_at) == 1
        lines = []
        for index in decision.load:
            option = options[index]
            current = self._engines.get(option.key)
            if current is not None and not current.is_draining:
                continue
            plan = self._eviction_plan(option, is_urgent=is_only_way)
            if not plan.is_refused:
                self._load_soon(option, keep_alive_seconds, patience)
        for index in decision.wait_at:
            engine = self._engines.get(options[index].key)
            if engine is not None and not engine.is_draining:
                lines.append((engine, options[index].max_queued))
        return lines

    async def _wait_in(
        self, lines: list[tuple[Engine, int]], client: str, request_id: str
    ) -> Engine | None:
        """The engine that had a place first, or None when it is time to look again."""
        ticket = Ticket(client, request_id, asyncio.get_running_loop().create_future())
        joined = []
        try:
            for engine, limit in lines:
                with contextlib.suppress(LineFull):
                    engine.line.join(ticket, client, limit=limit)
                    joined.append(engine)
                    engine.grant()
            if not joined:
                raise ServerBusy
            return await ticket.granted
        except BaseException:
            if ticket.granted.done() and not ticket.granted.cancelled():
                won = ticket.granted.result()
                if won is not None:
                    won.give_back()
            else:
                ticket.granted.cancel()
            raise
        finally:
            for engine in joined:
                if engine.line.leave(ticket, client):
                    engine.rest_if_idle()

    def _load_soon(self, option: Option, keep_alive_seconds: float, patience: Patience) -> None:
        old = self._engines.get(option.key)
        if old is not None:
            self._dismiss(old)
        engine = Engine(option.spec, keep_alive_seconds, self._follow)
        engine.is_pinned = self._is_pinned(*option.key)
        self._engines[option.key] = engine
        self._own(self._load(engine, option, patience))

    async def _load(self, engine: Engine, option: Option, patience: Patience) -> None:
        spec = engine.spec
        try:
            for old in [e for e in self._going if (e.spec.model, e.spec.device) == option.key]:
                await old.gone.wait()
            await self._make_room(engine, option)
            log.info("loading %s on %s", spec.model, spec.device)
            await engine.process.start(patience)
        except LoadFailed as error:
            reason = Reason(error.reason)
            note = (
                self.health.note_failed_load if reason in LOAD_REASONS else self.health.note_crash
            )
            note(spec, reason, str(error))
            self._drop(engine)
            return
        seconds = engine.process.load_seconds
        log.info("%s is ready on %s after %.1f s", spec.model, spec.device, seconds)
        self._load_seconds[spec.model, spec.device] = seconds
        self.health.note_load(spec)
        self._origins[engine] = (option, patience)
        if (folder := spec.compiled_folder) is not None:
            await asyncio.to_thread(mark_used, folder)
        engine.became_ready()
        self._tell()

    def _crashed(self, engine: Engine, option: Option, patience: Patience) -> None:
        """A first crash reloads at once; a pair in quarantine is loaded when somebody needs it."""
        process = engine.process
        self.health.note_crash(engine.spec, Reason(process.end_reason), process.end_text)
        is_replaced = option.key in self._engines
        if not is_replaced and not self.health.of(engine.spec).is_resting(time.monotonic()):
            self._load_soon(option, engine.keep_alive_seconds, patience)

    async def _make_room(self, owner: object, option: Option) -> None:
        """Returns when the device has room for it. Idle engines go; one in use is let go on until
        it had its turn, then it takes nothing new and goes when it is done."""
        device = option.spec.device
        while True:
            plan = self._eviction_plan(option, is_urgent=True, owner=owner)
            others = [e for e in self.engines() if e is not owner and e.spec.device == device]
            for engine in others:
                if engine.spec.model in plan.victims and engine.is_idle:
                    self._dismiss(engine)
            if plan.is_refused:
                raise LoadFailed("pinned models leave no room", reason=Reason.OUT_OF_MEMORY)
            if not plan.victims and not plan.must_wait:
                return
            turns = [_seconds_of_turn_left(e) for e in others if not e.is_draining]
            if plan.waits_for_use and turns and min(turns) <= 0:
                over = min(
                    (e for e in others if not e.is_draining and not e.is_pinned),
                    key=_seconds_of_turn_left,
                    default=None,
                )
                if over is not None:
                    self._dismiss(over)
            left = min((seconds for seconds in turns if seconds > 0), default=None)
            moved = self._moved
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), left)

    def _eviction_plan(
        self, option: Option, *, is_urgent: bool, owner: object = None
    ) -> EvictionPlan:
        device = option.spec.device
        residents = [
            self._resident(engine)
            for engine in self.engines()
            if engine.spec.device == device and engine is not owner and not engine.gone.is_set()
        ]
        residents += [
            Resident("", None, taken)
            for token, (where, taken) in self._reserved.items()
            if where == device and token is not owner
        ]
        newcomer = option.newcomer(is_urgent=is_urgent)
        return choose_evictions(tuple(residents), newcomer, time.monotonic())

    def _resident(self, engine: Engine) -> Resident:
        spec = engine.spec
        engine.is_pinned = self._is_pinned(spec.model, spec.device)
        return Resident(
            spec.model,
            engine.idle_since if engine.is_idle else None,
            max(spec.memory_bytes, resident_bytes(engine.process.pid)),
            self._load_seconds.get((spec.model, spec.device), 0.0),
            is_pinned=engine.is_pinned,
            is_leaving=engine.is_draining,
        )

    def _dismiss(self, engine: Engine) -> None:
        """Let it go; another of the same pair may be loaded after it."""
        key = (engine.spec.model, engine.spec.device)
        if self._engines.get(key) is engine:
            del self._engines[key]
            self._going.add(engine)
        engine.leave()

    def _drop(self, engine: Engine) -> None:
        engine.gone.set()
        engine.leave()

    def _follow(self, engine: Engine) -> None:
        """Act on an engine that became idle, is to go, or is gone."""
        if engine.gone.is_set():
            self._going.discard(engine)
            key = (engine.spec.model, engine.spec.device)
            if self._engines.get(key) is engine:
                del self._engines[key]
            origin = self._origins.pop(engine, None)
            if origin is not None and not engine.was_dismissed and not self._is_closed:
                self._crashed(engine, *origin)
        elif engine.is_draining and engine.is_idle:
            self._own(engine.process.stop())
        self._tell()

    def _tell(self) -> None:
        """Wake who waits for room."""
        self._moved.set()
        self._moved = asyncio.Event()

    def _retry_after(self, options: Sequence[Option], decision: Decision) -> int | None:
        full = {Reason.QUEUE_FULL, Reason.DEVICE_BUSY, Reason.DEVICE_LOADING}
        waits = []
        for index, reason in decision.passed:
            engine = self._engines.get(options[index].key)
            if reason in full:
                waits.append(engine.seconds_until(1) if engine else 1.0)
        return max(1, math.ceil(min(waits))) if waits else None

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _slot_since(began: float, engine: Engine) -> Slot:
    """The slot of a request that asked at `began`: what of its wait was the load, what the line."""
    waited = time.perf_counter() - began
    loading = max(0.0, min(waited, engine.ready_at - began))
    return Slot(engine, waited - loading, loading)


def _seconds_of_turn_left(engine: Engine) -> float:
    turn = max(LEAST_TURN_SECONDS, 2 * engine.process.load_seconds)
    return engine.ready_at + turn - time.perf_counter()
