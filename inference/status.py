"""What the appliance is doing now: queries over memory, for /api/ps, /health and the console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inference import dispatch, metrics
from inference.journal import RunningRequest
from inference.memory import resident_bytes
from inference.prediction import PairLoad
from inference.records import RecordDraft
from inference.residency.engine import Engine
from inference.residency.engine import Waiting as Waiting
from inference.residency.health import RestingPair as RestingPair


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One loading or loaded engine. `pid` is its process, None before it has one; its load began
    when it was `wanted_at`; `expires_at` is None while it is used or kept for ever; sizes are bytes
    (`memory_bytes` the process's resident memory), `context_length` tokens it serves, and
    `tokens_produced` all that it gave so far."""

    model: str
    device: str
    emulated: bool
    pid: int | None
    state: str
    wanted_at: datetime
    loaded_at: datetime | None
    expires_at: datetime | None
    is_kept_forever: bool
    size_bytes: int
    memory_bytes: int
    context_length: int
    running: int
    queued: int
    load_seconds: float
    tokens_per_second: float
    tokens_produced: int


def engines() -> tuple[EngineStatus, ...]:
    """Every engine, those that leave last first."""
    return tuple(_engine_status(engine) for engine in dispatch.residency.engines())


def load_of(model: str, device: str) -> PairLoad:
    """What that pair's engine is doing now, as the router asks for it."""
    return dispatch.residency.load_of(model, device)


def running() -> int:
    """Generations on an engine now."""
    return sum(engine.running for engine in dispatch.residency.engines())


def queued() -> int:
    """Requests waiting for an engine now."""
    return len(waiting())


def tokens_per_second() -> float:
    """All engines together, over the last three seconds."""
    return sum(tokens_per_second_by_device().values())


def tokens_per_second_by_device() -> dict[str, float]:
    """By device name; devices without an engine are left out."""
    rates: dict[str, float] = {}
    for engine in dispatch.residency.engines():
        device = engine.spec.device
        rates[device] = rates.get(device, 0.0) + engine.process.rate.per_second()
    return rates


def waiting() -> tuple[Waiting, ...]:
    """Who waits for an engine, with the place in the line; one in several lines is told once, where
    its turn comes first."""
    nearest: dict[str, Waiting] = {}
    for engine in dispatch.residency.engines():
        for one in engine.waiting():
            known = nearest.get(one.request_id)
            if known is None or one.seconds < known.seconds:
                nearest[one.request_id] = one
    return tuple(sorted(nearest.values(), key=lambda one: one.seconds))


def resting_pairs() -> tuple[RestingPair, ...]:
    """Pairs in quarantine or after a failed load: other devices serve for them."""
    return dispatch.residency.health.resting()


def running_requests() -> tuple[RunningRequest, ...]:
    """Requests under way, oldest first."""
    return tuple(dispatch.journal.running.values())


def recent_decisions() -> tuple[RecordDraft, ...]:
    """The last fifty requests that ended, newest first."""
    return tuple(dispatch.journal.decisions)


def first_tokens() -> tuple[tuple[float, float], ...]:
    """When answers ended lately (monotonic seconds), and their seconds to the first token; oldest
    first, bounded."""
    return tuple(dispatch.journal.first_tokens)


def find_running(request_id: str) -> RunningRequest | None:
    """That request, if it is under way."""
    return dispatch.journal.running.get(request_id)


def find_record(request_id: str) -> RecordDraft | None:
    """The record of that request, if it is among the last fifty that ended."""
    decisions = dispatch.journal.decisions
    return next((record for record in decisions if record.request_id == request_id), None)


def refresh_gauges() -> None:
    """Bring the gauges that describe a state up to date; called before /metrics is rendered."""
    metrics.show_loaded({engine.model for engine in engines() if engine.state == "ready"})


def _engine_status(engine: Engine) -> EngineStatus:
    spec, process = engine.spec, engine.process
    state = "stopping" if engine.is_draining else str(process.state)
    return EngineStatus(
        model=spec.model,
        device=spec.device,
        emulated=spec.emulated,
        pid=process.pid,
        state="loading" if state == "starting" else state,
        wanted_at=engine.wanted_at,
        loaded_at=engine.loaded_at,
        expires_at=engine.expires_at,
        is_kept_forever=engine.is_pinned or engine.keep_alive_seconds == float("inf"),
        size_bytes=spec.size_bytes,
        memory_bytes=resident_bytes(process.pid),
        context_length=spec.capacity,
        running=engine.running,
        queued=len(engine.line),
        load_seconds=process.load_seconds,
        tokens_per_second=process.rate.per_second(),
        tokens_produced=process.rate.total,
    )
