"""The picture of the machine that the console draws, in words a person can act on.

`draw_picture` is a pure function from what the server knows to one immutable `Picture`; `live`
gathers its input and sends it as JSON (field names are the wire names). Points in time are
milliseconds since 1970 (UTC), because that is what a browser counts in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inference.snapshot import DeviceInfo, ModelInfo, Snapshot
from npuconsole.console.visitors import CallerRow, draw_callers
from npuconsole.console.words import (
    DeviceState,
    Fix,
    describe_absence,
    describe_outcome,
    describe_starter_help,
    describe_step,
)

if TYPE_CHECKING:
    from inference.callers import Caller
    from inference.catalog.progress import PullStatus
    from inference.catalog.starter import StarterState
    from inference.records import RecordDraft
    from inference.status import EngineStatus

DECISIONS_SHOWN = 12
FEWEST_TOKENS_FOR_A_RATE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything `draw_picture` looks at, gathered at one instant."""

    at: datetime
    version: str
    starting_step: str  # "" once the server is up
    snapshot: Snapshot
    engines: Sequence[EngineStatus]
    decisions: Sequence[RecordDraft]  # newest first
    pulls: Sequence[PullStatus]
    starter: StarterState
    running: int
    queued: int
    rates: Mapping[str, float]  # tokens per second by device, now
    history: Mapping[str, tuple[float, ...]]  # the same, one value a second, oldest first
    platform: str  # sys.platform: decides which command fixes a missing device
    callers: Sequence[Caller] = ()  # newest first


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """One device. `detail` says what its state means; `fix` is set if a person can help."""

    name: str
    device_class: str
    title: str
    state: DeviceState
    detail: str
    fix: Fix | None
    emulated: bool
    loaded: tuple[str, ...]
    loading: tuple[str, ...]
    running: int
    queued: int
    tokens_per_second: float
    history: tuple[float, ...]
    prompt_limit_tokens: int | None
    memory_bytes: int
    last_tokens_per_second: float | None
    last_ttft_seconds: float | None


@dataclass(frozen=True, slots=True)
class Residence:
    """One engine that holds a model. `expires_at` is None while it is in use or kept for ever."""

    device: str
    emulated: bool
    state: str
    memory_bytes: int
    expires_at: int | None
    is_kept_forever: bool
    running: int
    queued: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A pull under way or broken. `fraction` is of the whole job, 0 to 1."""

    words: str
    fraction: float
    completed_bytes: int
    total_bytes: int
    seconds_left: int | None
    error: str
    advice: str


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model, installed or on its way, with where it is loaded."""

    name: str
    status: str
    is_starter: bool
    size_bytes: int
    quantization: str
    generates: bool
    residences: tuple[Residence, ...]
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One finished request: where it ran and why, in words."""

    id: str
    at: int
    family: str
    endpoint: str
    model: str
    device: str
    emulated: bool
    fell_back: bool
    words: str
    outcome: str
    outcome_words: str
    completion_tokens: int
    ttft_seconds: float
    tokens_per_second: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole state at once. Two pictures are equal when only the clock moved."""

    at: int = field(compare=False)
    version: str
    starting_step: str
    echo: bool
    running: int
    queued: int
    tokens_per_second: float
    devices: tuple[DeviceCard, ...]
    models: tuple[ModelRow, ...]
    decisions: tuple[DecisionRow, ...]
    callers: tuple[CallerRow, ...] = ()


def draw_picture(facts: Facts) -> Picture:
    """The picture those facts make. Pure."""
    emulated = {device.name: device.emulated for device in facts.snapshot.devices}
    return Picture(
        at=_milliseconds(facts.at),
        version=facts.version,
        starting_step=facts.starting_step,
        echo=not facts.snapshot.settings.real_inference,
        running=facts.running,
        queued=facts.queued,
        tokens_per_second=round(sum(facts.rates.values()), 1),
        devices=tuple(_draw_device(device, facts) for device in _in_order(facts.snapshot.devices)),
        models=_draw_models(facts, emulated),
        decisions=tuple(
            _draw_decision(decision, emulated) for decision in facts.decisions[:DECISIONS_SHOWN]
        ),
        callers=draw_callers(facts.callers),
    )


def device_state(device: DeviceInfo, engines: Sequence[EngineStatus]) -> DeviceState:
    """The one word for a device, given the engines on it."""
    states = {engine.state for engine in engines}
    if not device.present:
        return DeviceState.ABSENT
    if not device.enabled:
        return DeviceState.OFF
    if "loading" in states:
        return DeviceState.LOADING
    if any(engine.running for engine in engines):
        return DeviceState.BUSY
    if "failed" in states and "ready" not in states:
        return DeviceState.DEGRADED
    return DeviceState.READY


def _draw_device(device: DeviceInfo, facts: Facts) -> DeviceCard:
    engines = [engine for engine in facts.engines if engine.device == device.name]
    state = device_state(device, engines)
    last = next(
        (
            decision
            for decision in facts.decisions
            if decision.execution_device == device.name and _rate(decision) is not None
        ),
        None,
    )
    fix: Fix | None = None
    if state is DeviceState.ABSENT:
        detail, fix = describe_absence(device.device_class, device.absent_reason, facts.platform)
    elif state is DeviceState.OFF:
        detail = "Found, and switched off in its device policy."
    elif state is DeviceState.DEGRADED:
        detail = "The last model did not load here; requests go to the next device."
    else:
        detail = ""
    return DeviceCard(
        name=device.name,
        device_class=device.device_class,
        title=device.full_name if device.present else "",
        state=state,
        detail=detail,
        fix=fix,
        emulated=device.emulated,
        loaded=tuple(engine.model for engine in engines if engine.state == "ready"),
        loading=tuple(engine.model for engine in engines if engine.state == "loading"),
        running=sum(engine.running for engine in engines),
        queued=sum(engine.queued for engine in engines),
        tokens_per_second=round(facts.rates.get(device.name, 0.0), 1),
        history=facts.history.get(device.name, ()),
        prompt_limit_tokens=_prompt_limit(device, facts.snapshot),
        memory_bytes=sum(engine.memory_bytes for engine in engines),
        last_tokens_per_second=_rate(last) if last else None,
        last_ttft_seconds=round(last.ttft_seconds, 3) if last else None,
    )


def _prompt_limit(device: DeviceInfo, snapshot: Snapshot) -> int | None:
    """The longest prompt the device gets; the routing rule's limit is one for NPUs only."""
    limits = [device.max_prompt_len] if device.max_prompt_len else []
    if device.device_class == "NPU":
        limits.append(snapshot.routing.token_limit)
    return min(limits, default=None)


def _draw_models(facts: Facts, emulated: Mapping[str, bool]) -> tuple[ModelRow, ...]:
    pulls = {pull.model_name: pull for pull in facts.pulls}
    installed = {model.name: model for model in facts.snapshot.models.values()}
    starter = facts.starter.model_name
    names = {*installed, *pulls, *([starter] if facts.starter.is_wanted else [])}
    return tuple(
        _draw_model(name, installed.get(name), pulls.get(name), facts, emulated)
        for name in sorted(names, key=lambda name: (name != starter, name))
    )


def _draw_model(
    name: str,
    model: ModelInfo | None,
    pull: PullStatus | None,
    facts: Facts,
    emulated: Mapping[str, bool],
) -> ModelRow:
    is_starter = name == facts.starter.model_name
    is_ready = model is not None and model.status == "ready"
    return ModelRow(
        name=name,
        status=model.status if model else "installing",
        is_starter=is_starter,
        size_bytes=model.size_bytes if model else 0,
        quantization=model.quantization if model else "",
        generates=model.generates if model else True,
        residences=tuple(
            Residence(
                device=engine.device,
                emulated=emulated.get(engine.device, False),
                state=engine.state,
                memory_bytes=engine.memory_bytes,
                expires_at=_milliseconds(engine.expires_at) if engine.expires_at else None,
                is_kept_forever=engine.is_kept_forever,
                running=engine.running,
                queued=engine.queued,
            )
            for engine in facts.engines
            if engine.model == name
        ),
        progress=None if is_ready else _draw_progress(pull, facts.starter if is_starter else None),
    )


def _draw_progress(pull: PullStatus | None, starter: StarterState | None) -> Progress | None:
    """What is known of a model on its way: its pull, and for the starter also the tries before."""
    if pull is None and not (starter and starter.is_wanted):
        return None
    words = pull.step if pull else starter.words if starter else ""
    failed = pull is None and starter is not None and bool(starter.error)
    return Progress(
        words=describe_step(words),
        fraction=round(pull.fraction, 4) if pull else 0.0,
        completed_bytes=pull.completed_bytes if pull else 0,
        total_bytes=pull.total_bytes if pull else 0,
        seconds_left=pull.seconds_left if pull and pull.fraction >= 0.02 else None,
        error=starter.error if failed and starter else "",
        advice=describe_starter_help(starter.retry_in_seconds) if failed and starter else "",
    )


def _draw_decision(decision: RecordDraft, emulated: Mapping[str, bool]) -> DecisionRow:
    return DecisionRow(
        id=decision.request_id,
        at=_milliseconds(decision.received_at + timedelta(seconds=decision.total_seconds)),
        family=decision.family,
        endpoint=decision.endpoint,
        model=decision.model_name,
        device=decision.execution_device,
        emulated=emulated.get(decision.execution_device, False),
        fell_back=bool(decision.fallback_reason),
        words=decision.explanation or decision.error or "No device was chosen.",
        outcome=decision.outcome,
        outcome_words=describe_outcome(decision.outcome),
        completion_tokens=decision.completion_tokens,
        ttft_seconds=round(decision.ttft_seconds, 3),
        tokens_per_second=_rate(decision),
    )


def _rate(decision: RecordDraft) -> float | None:
    """Decode speed; None where there were too few tokens to speak of one."""
    if decision.completion_tokens < FEWEST_TOKENS_FOR_A_RATE or decision.decode_seconds <= 0:
        return None
    return round((decision.completion_tokens - 1) / decision.decode_seconds, 3)


def _in_order(devices: Sequence[DeviceInfo]) -> list[DeviceInfo]:
    """NPU, GPU, CPU: the same place on every page, whatever the priorities are."""
    rank = {"NPU": 0, "GPU": 1, "CPU": 2}
    return sorted(devices, key=lambda device: (rank.get(device.device_class, 3), device.name))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
