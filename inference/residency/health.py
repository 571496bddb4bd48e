"""How far a pair can be relied on, from its failures: pure decisions, and a book of them.

A first crash means nothing: the engine is loaded again at once. A pair that crashes again within
minutes is in quarantine for a time that doubles with each crash; it is then asked only when nothing
else can serve. A pair whose load failed rests at once, because every try costs its caller seconds.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from inference.residency.spec import EngineSpec
from inference.router import Reason

log = logging.getLogger(__name__)

FORGIVEN_AFTER_SECONDS = 300.0
QUARANTINE_SECONDS = 15.0
LOAD_REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 600.0
LOAD_REASONS = frozenset({Reason.LOAD_FAILED, Reason.OUT_OF_MEMORY})
"""Failures of the load: such a pair is not asked at all while it rests."""


@dataclass(frozen=True, slots=True)
class PairHealth:
    """The failures in a row of one pair. Times are monotonic seconds; `text` is safe to show."""

    failures: int = 0
    last_at: float = 0.0
    rests_until: float = 0.0
    reason: str = ""
    text: str = ""

    def is_resting(self, now: float) -> bool:
        """Whether the pair is to be left alone for now."""
        return now < self.rests_until


@dataclass(frozen=True, slots=True)
class RestingPair:
    """A pair in quarantine or after a failed load, as people are told. `reason` is the router's."""

    model: str
    device: str
    reason: str
    text: str
    seconds_left: float


def after_crash(health: PairHealth, now: float, reason: str, text: str) -> PairHealth:
    """One more crash, hang or burst of garbage."""
    failures = _failures_in_a_row(health, now) + 1
    rest = 0.0 if failures == 1 else QUARANTINE_SECONDS * 2 ** (failures - 2)
    return PairHealth(failures, now, now + min(rest, LONGEST_REST_SECONDS), reason, text)


def after_failed_load(health: PairHealth, now: float, reason: str, text: str) -> PairHealth:
    """One more load that did not succeed."""
    failures = _failures_in_a_row(health, now) + 1
    rest = LOAD_REST_SECONDS * 2 ** (failures - 1)
    return PairHealth(failures, now, now + min(rest, LONGEST_REST_SECONDS), reason, text)


def _failures_in_a_row(health: PairHealth, now: float) -> int:
    """A pair that ran well for some minutes after its rest begins anew."""
    since = now - max(health.last_at, health.rests_until)
    return 0 if since > FORGIVEN_AFTER_SECONDS else min(health.failures, 20)


class HealthBook:
    """The health of every pair. A pair with other settings is another pair, and begins anew."""

    def __init__(self) -> None:
        self._pairs: dict[EngineSpec, PairHealth] = {}

    def of(self, spec: EngineSpec) -> PairHealth:
        """What is known of that pair."""
        return self._pairs.get(spec, PairHealth())

    def is_load_failing(self, spec: EngineSpec) -> bool:
        """Whether its load failed and is not to be tried again yet."""
        health = self.of(spec)
        return health.reason in LOAD_REASONS and health.is_resting(time.monotonic())

    def note_crash(self, spec: EngineSpec, reason: Reason, text: str) -> None:
        """A pair showed that it cannot be relied on: a crash, a hang, garbage."""
        self._note(spec, after_crash(self.of(spec), time.monotonic(), reason, text))

    def note_failed_load(self, spec: EngineSpec, reason: Reason, text: str) -> None:
        """A pair could not be loaded."""
        self._note(spec, after_failed_load(self.of(spec), time.monotonic(), reason, text))

    def note_load(self, spec: EngineSpec) -> None:
        """A pair was loaded: failed loads before it count no more, crashes do."""
        if self.of(spec).reason in LOAD_REASONS:
            del self._pairs[spec]

    def resting(self) -> tuple[RestingPair, ...]:
        """The pairs that are left alone for now, and why."""
        now = time.monotonic()
        return tuple(
            RestingPair(spec.model, spec.device, h.reason, h.text, h.rests_until - now)
            for spec, h in self._pairs.items()
            if h.is_resting(now)
        )

    def quarantine_of(self, model: str, device: str) -> str:
        """Why that pair is in quarantine, or ""."""
        for pair in self.resting():
            if (pair.model, pair.device) == (model, device) and pair.reason not in LOAD_REASONS:
                return pair.text
        return ""

    def _note(self, spec: EngineSpec, health: PairHealth) -> None:
        self._pairs[spec] = health
        rest = health.rests_until - health.last_at
        told = f"; it rests for {rest:.0f} s" if rest else ""
        log.warning("%s on %s: %s%s", spec.model, spec.device, health.text, told)
