"""What is asked of the residency and what it answers: pairs to choose from, a place, or why not."""

from __future__ import annotations

from dataclasses import dataclass

from inference.residency.engine import Slot
from inference.residency.eviction import Newcomer
from inference.residency.scheduling import Overflow
from inference.residency.spec import EngineSpec
from inference.router import Reason


@dataclass(frozen=True, slots=True)
class Option:
    """A pair that a request may run on, with the limits of its device."""

    spec: EngineSpec
    overflow: Overflow = Overflow.NEXT
    max_queued: int = 512
    max_engines: int = 1
    budget_bytes: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The pair."""
        return self.spec.model, self.spec.device

    def newcomer(self, *, is_urgent: bool) -> Newcomer:
        """What its load asks of the device."""
        return Newcomer(self.spec.memory_bytes, self.max_engines, self.budget_bytes, is_urgent)


@dataclass(frozen=True, slots=True)
class Passed:
    """A device that did not serve, and why. `text` is safe to show."""

    device: str
    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Placement:
    """A place, the option it belongs to, and the devices passed over on the way."""

    slot: Slot
    option: Option
    passed: tuple[Passed, ...]


class NoPlace(Exception):
    """No option has a place or a line. `passed` says why for each; `retry_after_seconds` when a
    line may have moved, None when it is not a matter of waiting."""

    def __init__(self, passed: tuple[Passed, ...], retry_after_seconds: int | None) -> None:
        super().__init__()
        self.passed = passed
        self.retry_after_seconds = retry_after_seconds
