"""What the appliance is doing now: queries over memory, for /api/ps, /health and the console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psutil

from inference import dispatch, metrics
from inference.journal import RunningRequest
from inference.records import RecordDraft
from inference.residency.residents import Engine


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One loading or loaded engine. `expires_at` None while it is used or kept for ever; sizes are
    bytes (`memory_bytes` the process's resident memory), `context_length` tokens it serves."""

    model: str
    device: str
    emulated: bool
    state: str
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


def engines() -> tuple[EngineStatus, ...]:
    """Every engine, those that leave last first."""
    return tuple(_engine_status(engine) for engine in dispatch.residency.engines())


def running() -> int:
    """Generations on an engine now."""
    return sum(engine.running for engine in dispatch.residency.engines())


def queued() -> int:
    """Requests waiting for an engine now."""
    return sum(len(engine.line) for engine in dispatch.residency.engines())


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


def running_requests() -> tuple[RunningRequest, ...]:
    """Requests under way, oldest first."""
    return tuple(dispatch.journal.running.values())


def recent_decisions() -> tuple[RecordDraft, ...]:
    """The last fifty requests that ended, newest first."""
    return tuple(dispatch.journal.decisions)


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
        state="loading" if state == "starting" else state,
        loaded_at=engine.loaded_at,
        expires_at=engine.expires_at,
        is_kept_forever=engine.keep_alive_seconds == float("inf"),
        size_bytes=spec.size_bytes,
        memory_bytes=_resident_bytes(process.pid),
        context_length=spec.capacity,
        running=engine.running,
        queued=len(engine.line),
        load_seconds=process.load_seconds,
        tokens_per_second=process.rate.per_second(),
    )


def _resident_bytes(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except psutil.Error:
        return 0
