"""Where a request gets its place: on which engine now, in which lines, and what to load: pure.

`residents` asks with a picture of the request's pairs, in the router's order, and performs what is
answered. Whoever can be served at once is: while a pair loads, the next ready one answers (bridge
serving), and as soon as it is ready the traffic goes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inference.router import Reason


class PairState(StrEnum):
    """What a pair's engine is doing. `blocked`: not loaded, and its device has no room until an
    engine in use ends. `resting`: not to be loaded now (`rest_reason`): its load failed lately, or
    pinned models leave no room."""

    COLD = "cold"
    BLOCKED = "blocked"
    LOADING = "loading"
    READY = "ready"
    RESTING = "resting"


class Overflow(StrEnum):
    """What a request does when a device's places are all taken: also look at the next device, wait
    in this line only, or be refused."""

    NEXT = "next"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PairView:
    """One pair as the decision sees it. `free_places` counts those nobody waits for."""

    state: PairState
    free_places: int = 0
    queued: int = 0
    max_queued: int = 512
    overflow: Overflow = Overflow.NEXT
    rest_reason: Reason = Reason.LOAD_FAILED

    @property
    def has_room_in_line(self) -> bool:
        """Whether one more may wait."""
        return self.queued < self.max_queued


@dataclass(frozen=True, slots=True)
class Decision:
    """Indices into the views. `take`: the place to take now, or None. `wait_at`: the lines to wait
    in, whichever moves first. `load`: pairs to begin loading. `passed`: why each pair that does not
    serve now does not; `is_refused`: there is nothing to take nor to wait for."""

    take: int | None = None
    wait_at: tuple[int, ...] = ()
    load: tuple[int, ...] = ()
    passed: tuple[tuple[int, Reason], ...] = ()

    @property
    def is_refused(self) -> bool:
        """Neither a place nor a line."""
        return self.take is None and not self.wait_at


def choose_place(pairs: tuple[PairView, ...], *, may_bridge: bool = True) -> Decision:
    """The place for one request. `may_bridge` False waits for the first pair that can be loaded,
    whatever else is ready: who asks for a device, or for a load, wants that one."""
    wait_at: list[int] = []
    load: list[int] = []
    passed: list[tuple[int, Reason]] = []

    def decide(take: int | None = None) -> Decision:
        return Decision(
            take, () if take is not None else tuple(wait_at), tuple(load), tuple(passed)
        )

    for index, pair in enumerate(pairs):
        reason = _why_not_now(pair)
        if reason is None:
            return decide(take=index)
        passed.append((index, reason))
        if pair.state in (PairState.COLD, PairState.LOADING):
            if pair.state == PairState.COLD and load:
                continue  # one load is enough; this pair is of use only if it were ready
            if pair.has_room_in_line:
                wait_at.append(index)
                if pair.state == PairState.COLD:
                    load.append(index)
            if not may_bridge:
                return decide()
            if pair.state == PairState.LOADING:
                load.append(index)
        elif pair.state in (PairState.READY, PairState.BLOCKED):
            if pair.overflow == Overflow.REFUSE:
                return decide()
            if pair.state == PairState.READY and pair.has_room_in_line:
                wait_at.append(index)
            if pair.overflow == Overflow.WAIT:
                return _after_blocked(pairs, index, decide())
    decision = decide()
    return _after_blocked(pairs, 0, decision)


def _why_not_now(pair: PairView) -> Reason | None:
    if pair.state == PairState.RESTING:
        return pair.rest_reason
    if pair.state in (PairState.COLD, PairState.LOADING):
        return Reason.DEVICE_LOADING if pair.has_room_in_line else Reason.QUEUE_FULL
    if pair.state == PairState.BLOCKED:
        return Reason.DEVICE_BUSY
    if pair.free_places > 0:
        return None
    return Reason.DEVICE_BUSY if pair.has_room_in_line else Reason.QUEUE_FULL


def _after_blocked(pairs: tuple[PairView, ...], start: int, decision: Decision) -> Decision:
    """Nothing to take or to wait for: then wait for room on the first device that is blocked."""
    if not decision.is_refused:
        return decision
    for index, pair in enumerate(pairs[start:], start=start):
        if pair.state == PairState.BLOCKED and pair.overflow != Overflow.REFUSE:
            return Decision(None, (index,), (index,), decision.passed)
    return decision
