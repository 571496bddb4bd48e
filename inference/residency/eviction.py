"""What must be unloaded so that another model may be loaded: pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resident:
    """One loaded (or loading) engine of a device. `idle_since` is None while it is in use, else
    monotonic seconds."""

    model: str
    idle_since: float | None


@dataclass(frozen=True, slots=True)
class EvictionPlan:
    """`victims` are models to unload now; `must_wait` says that even so a place is missing until an
    engine in use becomes idle."""

    victims: tuple[str, ...]
    must_wait: bool


def choose_evictions(residents: tuple[Resident, ...], *, max_engines: int) -> EvictionPlan:
    """Make one place among `max_engines`: the longest idle goes first, one in use never."""
    surplus = len(residents) - max_engines + 1
    if surplus <= 0:
        return EvictionPlan((), must_wait=False)
    idle = sorted(
        (r for r in residents if r.idle_since is not None), key=lambda r: r.idle_since or 0.0
    )
    victims = tuple(resident.model for resident in idle[:surplus])
    return EvictionPlan(victims, must_wait=len(victims) < surplus)
