"""What the live picture says of calibrations: the one under way, and how the last one ended."""

from __future__ import annotations

from dataclasses import dataclass

from inference.calibration.asked import AskedRun
from inference.calibration.runs import Step


@dataclass(frozen=True, slots=True)
class Calibrating:
    """`words` say what is measured now ("" = nothing is), as step `number` of `steps`. `is_asked`
    is for a run that somebody asked for here, and so can stop; `outcome` and `error` tell how the
    last one ended, until dismissed."""

    model: str
    device: str
    words: str
    number: int
    steps: int
    is_asked: bool
    outcome: str
    error: str


def draw_calibrating(step: Step | None, asked: AskedRun | None) -> Calibrating | None:
    """The part of the picture, None when there is nothing to tell. Pure."""
    if step is None and asked is None:
        return None
    is_asked = asked is not None and asked.is_under_way
    words = step.words if step else "waiting for its turn" if is_asked else ""
    return Calibrating(
        model=step.model if step else asked.model if asked else "",
        device=step.device if step else asked.device if asked else "",
        words=words,
        number=step.number if step else 0,
        steps=step.steps if step else 0,
        is_asked=is_asked,
        outcome=asked.outcome if asked else "",
        error=asked.error if asked else "",
    )
