"""The system endpoints' bodies: from the pictures in memory to their schemas. Never blocks."""

from __future__ import annotations

import time
from collections.abc import Iterable

from apis import times
from apis.system.schemas import Device, Devices, Engine, Health, Resting, Starter, Word
from inference import appliance, snapshot, status
from inference.catalog import starter
from inference.catalog.starter import StarterState
from inference.snapshot import DeviceInfo, Snapshot
from inference.status import EngineStatus, RestingPair

RUNNING = "Ollama is running"
"""What API clients ask `/` for, word by word."""

STOPPING_STEP = "stopping"

_began_at = time.monotonic()


def read_health() -> Health:
    """How the appliance is now."""
    picture, wanted = snapshot.current(), starter.starter_state()
    ready = [model.name for model in picture.models.values() if model.status == "ready"]
    problems = find_problems(picture, ready, wanted, status.resting_pairs())
    return Health(
        status=choose_word(
            is_started=appliance.is_started(),
            step=appliance.starting_step(),
            has_model=bool(ready),
            starter=wanted,
            has_problems=bool(problems),
        ),
        step=appliance.starting_step() or wanted.words,
        problems=problems,
        real_inference=picture.settings.real_inference,
        models=len(ready),
        loaded_models=sorted({e.model for e in status.engines() if e.state == "ready"}),
        running_requests=status.running(),
        queued_requests=status.queued(),
        tokens_per_second=round(status.tokens_per_second(), 1),
        uptime_seconds=round(time.monotonic() - _began_at, 1),
        starter=Starter(
            model=wanted.model_name,
            step=wanted.words,
            fraction=round(wanted.fraction, 3),
            error=wanted.error,
        )
        if wanted.is_wanted
        else None,
    )


def choose_word(
    *, is_started: bool, step: str, has_model: bool, starter: StarterState, has_problems: bool
) -> Word:
    """The one word for balancers. A first model that still comes is a start, not a fault."""
    if step == STOPPING_STEP:
        return "stopping"
    if not is_started or (starter.is_wanted and not has_model and not starter.error):
        return "starting"
    return "degraded" if has_problems else "ok"


def find_problems(
    picture: Snapshot,
    ready: list[str],
    wanted: StarterState,
    resting: Iterable[RestingPair],
) -> list[str]:
    """What keeps requests from being served as they should be, in words."""
    problems = []
    if not any(device.present and device.enabled for device in picture.devices):
        problems.append("no device can be used")
    if not ready:
        problems.append(wanted.error or "no model is installed")
    if not picture.settings.real_inference:
        problems.append("real inference is switched off: an engine that echoes answers")
    problems += [
        f"{pair.model} on {pair.device}: {pair.text}; tried again in {pair.seconds_left:.0f} s"
        for pair in resting
    ]
    return problems


def read_devices() -> Devices:
    """Every device row with what runs on it."""
    picture, engines = snapshot.current(), status.engines()
    return Devices(
        devices=[
            describe_device(info, picture, engines, status.resting_pairs())
            for info in picture.devices
        ],
        preferred_device=picture.routing.preferred_device,
        fallback_device=picture.routing.fallback_device,
        token_limit=picture.routing.token_limit,
    )


def describe_device(
    info: DeviceInfo,
    picture: Snapshot,
    engines: Iterable[EngineStatus],
    resting: Iterable[RestingPair],
) -> Device:
    """One device with the engines on it, and the models that rest on it."""
    preferred = picture.routing.preferred_device
    return Device(
        name=info.name,
        present=info.present,
        enabled=info.enabled,
        emulated=info.emulated,
        preferred=preferred in (info.name, info.device_class),
        full_name=info.full_name,
        driver=info.driver,
        absent_reason=info.absent_reason,
        priority=info.priority,
        max_prompt_len=info.max_prompt_len,
        min_response_len=info.min_response_len,
        max_engines=info.max_engines,
        max_concurrent_requests=info.max_concurrent_requests,
        engines=[_engine(engine) for engine in engines if engine.device == info.name],
        resting=[
            Resting(
                model=pair.model,
                reason=pair.reason,
                text=pair.text,
                seconds_left=round(pair.seconds_left, 1),
            )
            for pair in resting
            if pair.device == info.name
        ],
    )


def _engine(engine: EngineStatus) -> Engine:
    return Engine(
        model=engine.model,
        state=engine.state,
        emulated=engine.emulated,
        loaded_at=times.rfc3339(engine.loaded_at) if engine.loaded_at else None,
        expires_at=times.rfc3339(engine.expires_at) if engine.expires_at else None,
        kept_forever=engine.is_kept_forever,
        size_bytes=engine.size_bytes,
        memory_bytes=engine.memory_bytes,
        context_length=engine.context_length,
        load_seconds=round(engine.load_seconds, 3),
        running=engine.running,
        queued=engine.queued,
        tokens_per_second=round(engine.tokens_per_second, 1),
    )
