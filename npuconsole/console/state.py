"""The picture of the machine that the console draws, in words a person can act on.

`draw_picture` is a pure function from what the server knows to one immutable `Picture`; `live`
gathers its input and sends it as JSON (field names are the wire names). Its parts are drawn by
`cards`, `traffic` and `on_its_way`. Points in time are milliseconds since 1970 (UTC), because that
is what a browser counts in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from inference.snapshot import ModelInfo, Snapshot
from npuconsole.console.connect.visitors import CallerRow, draw_callers
from npuconsole.console.models.work import ModelWork
from npuconsole.console.overview.cards import DeviceCard, draw_devices
from npuconsole.console.overview.on_its_way import WorkRow, draw_on_its_way
from npuconsole.console.overview.traffic import (
    DecisionRow,
    FallbackRow,
    RunningRow,
    draw_decisions,
    draw_fallbacks,
    draw_running,
    milliseconds,
)
from npuconsole.console.routing.calibrating import Calibrating
from npuconsole.console.words import describe_starter_help, describe_step

if TYPE_CHECKING:
    from inference.calibration.runs import Step
    from inference.callers import Caller
    from inference.catalog.progress import PullStatus
    from inference.catalog.starter import StarterState
    from inference.journal import RunningRequest
    from inference.records import RecordDraft
    from inference.status import EngineStatus, RestingPair, Waiting
    from inference.vitals import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything `draw_picture` looks at, gathered at one instant."""

    at: datetime
    version: str
    starting_step: str  # "" once the server is up
    snapshot: Snapshot
    engines: Sequence[EngineStatus]
    requests: Sequence[RunningRequest]  # under way, oldest first
    waiting: Sequence[Waiting]
    resting: Sequence[RestingPair]
    decisions: Sequence[RecordDraft]  # newest first
    pulls: Sequence[PullStatus]
    starter: StarterState
    usual_loads: Mapping[tuple[str, str], float]  # seconds by model and device
    calibration: Step | None
    running: int
    queued: int
    rates: Mapping[str, float]  # tokens per second by device, now
    sample: Sample | None  # the newest of `inference.vitals`
    free_bytes: int | None  # of the disk with the models; None = not known
    platform: str  # sys.platform: decides which command fixes a missing device
    work: ModelWork = ModelWork()
    calibrating: Calibrating | None = None
    callers: Sequence[Caller] = ()  # newest first


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
class Picture:
    """The whole state at once. Two pictures are equal when only the clock moved. `under_way` counts
    requests, of which `requests` are the oldest."""

    at: int = field(compare=False)
    version: str
    starting_step: str
    echo: bool
    running: int
    queued: int
    tokens_per_second: float
    free_bytes: int | None = field(compare=False)
    sample: Sample | None
    devices: tuple[DeviceCard, ...]
    models: tuple[ModelRow, ...]
    on_its_way: tuple[WorkRow, ...]
    under_way: int
    requests: tuple[RunningRow, ...]
    decisions: tuple[DecisionRow, ...]
    fallbacks: tuple[FallbackRow, ...]
    work: ModelWork
    calibrating: Calibrating | None = None
    callers: tuple[CallerRow, ...] = ()


def draw_picture(facts: Facts) -> Picture:
    """The picture those facts make. Pure."""
    emulated = {device.name: device.emulated for device in facts.snapshot.devices}
    return Picture(
        at=milliseconds(facts.at),
        version=facts.version,
        starting_step=facts.starting_step,
        echo=not facts.snapshot.settings.real_inference,
        running=facts.running,
        queued=facts.queued,
        tokens_per_second=round(sum(facts.rates.values()), 1),
        free_bytes=facts.free_bytes,
        sample=facts.sample,
        devices=draw_devices(
            facts.snapshot,
            facts.engines,
            facts.decisions,
            facts.resting,
            facts.rates,
            facts.platform,
        ),
        models=_draw_models(facts, emulated),
        on_its_way=draw_on_its_way(
            facts.at,
            facts.pulls,
            facts.starter,
            facts.engines,
            facts.usual_loads,
            facts.calibration,
            emulated,
        ),
        under_way=len(facts.requests),
        requests=draw_running(facts.requests, facts.waiting, facts.engines, emulated),
        decisions=draw_decisions(facts.decisions, emulated),
        fallbacks=draw_fallbacks(facts.decisions, emulated),
        work=facts.work,
        calibrating=facts.calibrating,
        callers=draw_callers(facts.callers),
    )


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
                expires_at=milliseconds(engine.expires_at) if engine.expires_at else None,
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
