"""What must be unloaded so that another model may be loaded on a device: pure.

The longest idle goes first, weighed by what its return would cost: a model that loads in two
seconds goes before one that compiles for ninety, unless that one is idle for much longer. One in
use is never cut off, and a pinned one never goes.
"""

from __future__ import annotations

from dataclasses import dataclass

GENTLE_IDLE_SECONDS = 30.0
GENTLE_RELOADS = 3.0
"""A load that nobody waits for leaves engines alone that were used within this time, or within so
many times what their return would cost: two models must not chase each other from a device."""


@dataclass(frozen=True, slots=True)
class Resident:
    """One loaded (or loading) engine of a device. `idle_since` is None while it is in use, else
    monotonic seconds; `bytes` is what it takes of the device's budget."""

    model: str
    idle_since: float | None
    bytes: int = 0
    reload_seconds: float = 0.0
    is_pinned: bool = False
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is to be loaded. `budget_bytes` 0 = not limited; `is_urgent`: a request waits for it."""

    bytes: int = 0
    max_engines: int = 1
    budget_bytes: int = 0
    is_urgent: bool = True


@dataclass(frozen=True, slots=True)
class EvictionPlan:
    """`victims` are models to unload now. `must_wait`: even so room is missing until another engine
    has gone, and with `waits_for_use` that one is in use, which may take long. `is_refused`: there
    will be no room, so load nothing."""

    victims: tuple[str, ...] = ()
    must_wait: bool = False
    waits_for_use: bool = False
    is_refused: bool = False


def choose_evictions(
    residents: tuple[Resident, ...], newcomer: Newcomer, now: float
) -> EvictionPlan:
    """Make room for the newcomer. `now` is monotonic seconds. A model that is over the budget all
    by itself is loaded alone: the machine may still hold it, and nothing else would run it."""
    staying = [resident for resident in residents if not resident.is_leaving]
    idle = sorted(
        (r for r in staying if r.idle_since is not None and not r.is_pinned),
        key=lambda r: -_worth_leaving(r, now),
    )
    if not newcomer.is_urgent:
        idle = [r for r in idle if _is_forgotten(r, now)]
    victims: list[Resident] = []
    for resident in idle:
        if _fits(staying, newcomer):
            break
        staying.remove(resident)
        victims.append(resident)
    names = tuple(resident.model for resident in victims)
    if not _fits(staying, newcomer):
        pinned = [resident for resident in staying if resident.is_pinned]
        if not newcomer.is_urgent or not _fits(pinned, newcomer):
            return EvictionPlan(is_refused=True)
        return EvictionPlan(names, must_wait=True, waits_for_use=True)
    # Those that leave still hold their memory, and their place, until they are gone.
    going = [resident for resident in residents if resident.is_leaving]
    if _fits(staying + going, newcomer):
        return EvictionPlan(names)
    in_use = any(resident.idle_since is None for resident in going)
    return EvictionPlan(names, must_wait=True, waits_for_use=in_use)


def _fits(staying: list[Resident], newcomer: Newcomer) -> bool:
    if not staying:
        return True
    if len(staying) >= newcomer.max_engines:
        return False
    total = newcomer.bytes + sum(resident.bytes for resident in staying)
    return not newcomer.budget_bytes or total <= newcomer.budget_bytes


def _worth_leaving(resident: Resident, now: float) -> float:
    idle_seconds = now - (resident.idle_since or now)
    return idle_seconds / max(1.0, resident.reload_seconds)


def _is_forgotten(resident: Resident, now: float) -> bool:
    idle_seconds = now - (resident.idle_since or now)
    return idle_seconds >= max(GENTLE_IDLE_SECONDS, GENTLE_RELOADS * resident.reload_seconds)
