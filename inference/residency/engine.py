"""One loaded pair: who is on it, who waits for it, and when it may go.

Owned by `residents`; decides nothing about other engines.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from inference.residency.line import WaitingLine
from inference.residency.process import EngineProcess, State
from inference.residency.spec import EngineSpec

SERVICE_MEMORY = 0.2
"""How much the newest generation counts in the mean time of one."""
FIRST_GUESS_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Ticket:
    """One request waiting for a place, in one line or several. `granted` becomes the engine that
    has a place for it, or None when a line it waited in is gone and it should look again."""

    client: str
    request_id: str
    granted: asyncio.Future[Engine | None]
    joined_at: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request in a line, as people see it: `position` from 1; `seconds` until its turn, about."""

    request_id: str
    client: str
    position: int
    seconds: float


class Engine:
    """One (model, device) pair from the decision to load it until its process is gone.

    `on_change` is told whenever it became idle, was told to leave, or is gone.
    """

    def __init__(
        self, spec: EngineSpec, keep_alive_seconds: float, on_change: Callable[[Engine], None]
    ) -> None:
        self.spec = spec
        self.keep_alive_seconds = keep_alive_seconds
        self.is_pinned = False
        self.running = 0
        self.line: WaitingLine[Ticket] = WaitingLine()
        self.wanted_at = datetime.now(UTC)
        self.loaded_at: datetime | None = None
        self.expires_at: datetime | None = None
        self.idle_since: float | None = None
        self.ready_at = math.inf
        self.gone = asyncio.Event()
        self.was_dismissed = False
        """Whether it was told to leave before it ended, so that its end is no crash."""
        self.process = EngineProcess(spec.job(), on_end=self._ended)
        self._is_leaving = False
        self._expiry: asyncio.TimerHandle | None = None
        self._on_change = on_change
        self._service_seconds = FIRST_GUESS_SECONDS

    @property
    def is_draining(self) -> bool:
        """Whether nobody new may come: it was told to leave, or its process is ending."""
        return self._is_leaving or self._is_ending

    @property
    def _is_ending(self) -> bool:
        return self.process.state in (State.STOPPING, State.ENDED)

    @property
    def has_died(self) -> bool:
        """Whether it is gone without ever having been ready."""
        return self.gone.is_set() and math.isinf(self.ready_at)

    @property
    def is_idle(self) -> bool:
        """Ready, nobody on it, nobody waiting."""
        return self.process.is_ready and self.running == 0 and len(self.line) == 0

    @property
    def free_places(self) -> int:
        """Places that nobody uses or waits for."""
        if not self.process.is_ready or self.is_draining:
            return 0
        return max(0, self.spec.max_concurrent_requests - self.running - len(self.line))

    def seconds_until(self, position: int) -> float:
        """About how long the request at that position of the line still waits (1 = the next)."""
        return position * self._service_seconds / self.spec.max_concurrent_requests

    def waiting(self) -> tuple[Waiting, ...]:
        """Who waits, in the order of their turns."""
        return tuple(
            Waiting(ticket.request_id, ticket.client, at, self.seconds_until(at))
            for at, ticket in enumerate(self.line.in_order(), start=1)
        )

    def became_ready(self) -> None:
        """The load is done: those who waited get their places."""
        self.loaded_at = datetime.now(UTC)
        self.ready_at = time.perf_counter()
        self.grant()
        self._rest_if_idle()

    def take(self) -> None:
        """One generation more, on a free place."""
        self.running += 1
        self.idle_since = None
        self._stop_expiry()

    def grant(self) -> None:
        """Give free places to those whose turn it is."""
        while (
            self.process.is_ready
            and not self.is_draining
            and self.running < self.spec.max_concurrent_requests
        ):
            ticket = self.line.next()
            if ticket is None:
                break
            if not ticket.granted.done():
                self.take()
                ticket.granted.set_result(self)

    def give_back(self, used_seconds: float | None = None) -> None:
        """One generation less, which took that long; None when it tells nothing."""
        self.running -= 1
        if used_seconds is not None:
            self._service_seconds += SERVICE_MEMORY * (used_seconds - self._service_seconds)
        self.grant()
        self._rest_if_idle()

    def pin(self, is_pinned: bool) -> None:
        """Whether it stays although nobody uses it; the time of keep_alive begins anew when that
        changes."""
        if is_pinned != self.is_pinned:
            self.is_pinned = is_pinned
            self._rest_if_idle()

    def turn_away(self) -> None:
        """Nobody gets a place here any more: all who wait look elsewhere."""
        while (ticket := self.line.next()) is not None:
            if not ticket.granted.done():
                ticket.granted.set_result(None)

    def leave(self) -> None:
        """Let nobody new in; the residency unloads it as soon as it is idle."""
        self.was_dismissed = self.was_dismissed or not self._is_ending
        self._is_leaving = True
        self.turn_away()
        self._on_change(self)

    def rest_if_idle(self) -> None:
        """Start the time of keep_alive anew if nobody is here."""
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

    def _expire(self) -> None:
        if self.is_idle and not self.is_pinned:
            self.leave()

    def _ended(self) -> None:
        if math.isinf(self.ready_at):
            return  # a load that failed is told by whoever loads, with its reason
        self._stop_expiry()
        self.turn_away()
        self.gone.set()
        self._on_change(self)


class Slot:
    """A place on a loaded engine, for one generation. Always release it. Times are seconds."""

    def __init__(self, engine: Engine, queue_seconds: float, load_seconds: float) -> None:
        self.engine = engine
        self.queue_seconds = queue_seconds
        self.load_seconds = load_seconds
        self._since = time.perf_counter()
        self._is_released = False

    @property
    def process(self) -> EngineProcess:
        """The worker to submit to."""
        return self.engine.process

    def release(self, *, was_used: bool = True) -> None:
        """Give the place back; the next in line gets it. Safe to call twice."""
        if not self._is_released:
            self._is_released = True
            self.engine.give_back(time.perf_counter() - self._since if was_used else None)
