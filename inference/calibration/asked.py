"""A calibration that goes on when whoever asked for it leaves: the console's button.

One at a time; what it did is kept until somebody dismisses it. Everything here belongs to the event
loop. The appliance calls `stop` when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from inference import snapshot
from inference.calibration import runs
from inference.calibration.passports import PassportReport
from inference.errors import InferenceError, InvalidRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AskedRun:
    """The run that was asked for last. `model` and `device` are what was asked, "" meaning all
    there are; `outcome` and `error` are in words, "" until it is over."""

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


def begin(model: str = "", device: str = "") -> None:
    """Measure that model on that device. Returns at once. Raises InferenceError when it cannot be
    measured, or while another run that was asked for is under way."""
    if _state.task is not None and not _state.task.done():
        raise InvalidRequest("A calibration is under way already; stop it or wait for its end.")
    runs.choose_pairs(snapshot.current(), model or None, device or None)
    _state.last = AskedRun(model, device)
    _state.task = asyncio.create_task(_run(_state.last), name="calibration that was asked for")


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


async def _run(asked: AskedRun) -> None:
    outcome, error = "", ""
    try:
        updates = runs.run(asked.model or None, asked.device or None)
        async with contextlib.aclosing(updates):
            async for update in updates:
                if isinstance(update, runs.Done):
                    outcome = " ".join(map(_told, update.passports))
    except asyncio.CancelledError:
        outcome = "Stopped; the passport from before still counts."
        raise
    except InferenceError as trouble:
        error = trouble.message
    except Exception:
        log.exception("a calibration that was asked for broke")
        error = "It broke for a reason of ours; the log has the details."
    finally:
        _state.last = AskedRun(asked.model, asked.device, False, outcome, error)


def _told(report: PassportReport) -> str:
    found = report.passport
    pair = f"{found.model} on {found.device}"
    if not found.is_verified:
        return f"{pair} failed: {found.reason}."
    return f"{pair} is verified to {found.verified_prompt_tokens:,} tokens."
