"""What the machine does besides answering: fetching and making models, loading them, measuring.

Pure: `draw_on_its_way` makes rows in words, with how long each still takes where that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from npuconsole.console.words import describe_starter_help, describe_step

if TYPE_CHECKING:
    from inference.calibration.runs import Step
    from inference.catalog.progress import PullStatus
    from inference.catalog.starter import StarterState
    from inference.status import EngineStatus

FRACTION_WITH_A_PACE = 0.02


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One undertaking. `kind` is pull, load or calibration; `fraction` (0 to 1) and `seconds_left`
    are None where nobody can tell; `error` and `advice` are set when it failed."""

    key: str
    kind: str
    model: str
    device: str
    emulated: bool
    words: str
    fraction: float | None
    seconds_left: int | None
    completed_bytes: int
    total_bytes: int
    error: str
    advice: str


def draw_on_its_way(
    at: datetime,
    pulls: Sequence[PullStatus],
    starter: StarterState,
    engines: Sequence[EngineStatus],
    usual_loads: Mapping[tuple[str, str], float],
    calibration: Step | None,
    emulated: Mapping[str, bool],
) -> tuple[WorkRow, ...]:
    """The rows now: pulls, loads, the calibration under way. `usual_loads` is how long a model took
    to load on a device before, in seconds."""
    rows = [_pull(pull) for pull in pulls]
    if starter.is_wanted and all(pull.model_name != starter.model_name for pull in pulls):
        rows.append(_starter(starter))
    for engine in engines:
        if engine.state == "loading":
            usual = usual_loads.get((engine.model, engine.device), 0.0)
            rows.append(_load(engine, at, usual, emulated.get(engine.device, False)))
    if calibration is not None:
        rows.append(_calibration(calibration, emulated.get(calibration.device, False)))
    return tuple(rows)


def _row(key: str, kind: str, model: str, words: str, **known: object) -> WorkRow:
    facts: dict[str, object] = {
        "device": "",
        "emulated": False,
        "fraction": None,
        "seconds_left": None,
        "completed_bytes": 0,
        "total_bytes": 0,
        "error": "",
        "advice": "",
    }
    return WorkRow(key=key, kind=kind, model=model, words=words, **(facts | known))  # type: ignore[arg-type]


def _pull(pull: PullStatus) -> WorkRow:
    has_pace = pull.fraction >= FRACTION_WITH_A_PACE
    return _row(
        f"pull {pull.model_name}",
        "pull",
        pull.model_name,
        describe_step(pull.step),
        fraction=round(pull.fraction, 4),
        seconds_left=pull.seconds_left if has_pace else None,
        completed_bytes=pull.completed_bytes,
        total_bytes=pull.total_bytes,
    )


def _starter(starter: StarterState) -> WorkRow:
    """Between its tries it has no pull."""
    return _row(
        f"pull {starter.model_name}",
        "pull",
        starter.model_name,
        describe_step(starter.words),
        error=starter.error,
        advice=describe_starter_help(starter.retry_in_seconds) if starter.error else "",
    )


def _load(engine: EngineStatus, at: datetime, usual_seconds: float, emulated: bool) -> WorkRow:
    spent = max(0.0, (at - engine.wanted_at).total_seconds())
    left = usual_seconds - spent
    if usual_seconds and left > 0:
        words, fraction = "Loading", round(spent / usual_seconds, 3)
    elif usual_seconds:
        words, fraction = f"Loading, longer than the usual {usual_seconds:.0f}\u00a0s", None
    elif engine.device.startswith("NPU") and not emulated:
        words, fraction = "Compiling; an NPU's first time can take minutes", None
    else:
        words, fraction = "Loading for the first time", None
    return _row(
        f"load {engine.model} {engine.device}",
        "load",
        engine.model,
        words,
        device=engine.device,
        emulated=emulated,
        fraction=fraction,
        seconds_left=max(1, round(left)) if fraction is not None else None,
    )


def _calibration(step: Step, emulated: bool) -> WorkRow:
    return _row(
        "calibration",
        "calibration",
        step.model,
        f"Measuring: {step.words}",
        device=step.device,
        emulated=emulated,
    )
