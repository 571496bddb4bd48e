"""A calibration that goes on when whoever asked for it leaves: the console's button.

One at a time; what it did is kept until somebody dismisses it. Everything here belongs to the event
loop. The appliance calls `stop` when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference import snapshot
from inference.calibration import runs
from inference.calibration.passports import PassportReport
from inference.errors import InferenceError, InvalidRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AskedRun:
    """The run that was asked for last. `model` and `device` are what is measured now, "" meaning
    all there are; `outcome` and `error` are in words, "" until there is something to tell."""

    model: str
    device: str
    is_under_way: bool = True
    outcome: str = ""
    error: str = ""


class _State:
    def __init__(self) -> None:
        self.last: AskedRun | None = None
        self.task: asyncio.Task[None] | None = None


_state = _State()


def last() -> AskedRun | None:
    """The run that was asked for last, until it is dismissed."""
    return _state.last


def begin(*wishes: tuple[str, str]) -> None:
    """Measure each wish's model on its device, "" meaning all there are, one after another. Returns
    at once. Raises InferenceError when one cannot be measured, or while another run that was asked
    for is under way."""
    if _state.task is not None and not _state.task.done():
        raise InvalidRequest("A calibration is under way already; stop it or wait for its end.")
    for model, device in wishes:
        runs.choose_pairs(snapshot.current(), model or None, device or None)
    _state.last = AskedRun(*wishes[0])
    _state.task = asyncio.create_task(_run(wishes), name="calibration that was asked for")


async def stop() -> None:
    """End the run under way, if there is one; no process is left and no passport is changed."""
    if _state.task is not None:
        _state.task.cancel()
        await asyncio.gather(_state.task, return_exceptions=True)
        _state.task = None


def dismiss() -> None:
    """Forget what the last run did, once it is over."""
    if _state.last is not None and not _state.last.is_under_way:
        _state.last = None


async def _run(wishes: Sequence[tuple[str, str]]) -> None:
    outcomes: list[str] = []
    errors: list[str] = []
    asked = AskedRun(*wishes[0])
    try:
        for wish in wishes:
            asked = _state.last = AskedRun(*wish)
            try:
                outcomes += await _measure(*wish)
            except InferenceError as trouble:
                errors.append(trouble.message)
    except asyncio.CancelledError:
        outcomes.append("Stopped; the passport from before still counts.")
        raise
    except Exception:  # nobody awaits this task: whoever asked would see it under way for ever
        log.exception("a calibration that was asked for broke")
        errors.append("It broke for a reason of ours; the log has the details.")
    finally:
        _state.last = replace(
            asked, is_under_way=False, outcome=" ".join(outcomes), error=" ".join(errors)
        )


async def _measure(model: str, device: str) -> list[str]:
    outcomes: list[str] = []
    async with contextlib.aclosing(runs.run(model or None, device or None)) as updates:
        async for update in updates:
            if isinstance(update, runs.Done):
                outcomes = list(map(_told, update.passports))
    return outcomes


def _told(report: PassportReport) -> str:
    found = report.passport
    pair = f"{found.model} on {found.device}"
    if not found.is_verified:
        return f"{pair} failed: {found.reason}."
    return f"{pair} is verified to {found.verified_prompt_tokens:,} tokens."
