"""Runs of calibrations that somebody asked for, and what they share with the background's.

One pair is measured at a time. `run` is called by the command and the API; it comes before the
background, which gives way (`is_wanted`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from inference import environment, snapshot
from inference.calibration import passports
from inference.calibration.measure import Limits, Pair, Progress, Reserve, calibrate, pair_of
from inference.calibration.passports import PassportReport
from inference.calibration.versions import SETTINGS, settings_of, versions_of
from inference.database import in_database_thread
from inference.errors import InferenceError, InvalidRequest
from inference.planning import resolve_model
from inference.residency.spec import EngineSpec
from inference.snapshot import DeviceInfo, Snapshot


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done with a pair now, in words: its step `number` of `steps`, 0 of 0 before the
    first."""

    model: str
    device: str
    words: str
    number: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The last update of a run: the passports of its pairs."""

    passports: tuple[PassportReport, ...]


Update = Step | Done
log = logging.getLogger(__name__)


def _nobody_else_is_there(spec: EngineSpec) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


class _State:
    def __init__(self) -> None:
        self.reserve: Reserve = _nobody_else_is_there
        self.turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self.wanted = 0
        self.step: Step | None = None


_state = _State()


def reserve_with(reserve: Reserve | None) -> None:
    """From now on engines are measured in room that this makes; None: there is nobody to keep
    off."""
    _state.reserve = reserve or _nobody_else_is_there


def under_way() -> Step | None:
    """What is being measured now, if anything is."""
    return _state.step


def is_wanted() -> bool:
    """Whether somebody asked for a run that is not over yet."""
    return _state.wanted > 0


async def run(
    model: str | None = None, device: str | None = None, *, limits: Limits = Limits()
) -> AsyncGenerator[Update, None]:
    """Measure that model on that device, None meaning all there are, and store the passports.

    Yields a Step whenever something else is done, and last Done. Closing it ends the run and leaves
    no process. Raises InferenceError when there is nothing to measure, before the first update.
    """
    pairs = choose_pairs(snapshot.current(), model, device)
    _state.wanted += 1
    try:
        for pair in pairs:
            async with contextlib.aclosing(_run_pair(pair, limits)) as steps:
                async for step in steps:
                    yield step
        names = {(pair.model.name, pair.device.name) for pair in pairs}
        found = [
            report
            for report in await passports.reports()
            if (report.passport.model, report.passport.device) in names
        ]
        yield Done(tuple(found))
    finally:
        _state.wanted -= 1


async def measure_and_store(pair: Pair, limits: Limits, tell: Callable[[Step], None]) -> None:
    """One calibration, from waiting for its turn to its passport in the database. Raises
    InferenceError like `calibrate`."""
    model, device = pair.model.name, pair.device.name

    def on_progress(progress: Progress) -> None:
        _state.step = Step(model, device, progress.words, progress.number, progress.steps)
        tell(_state.step)

    async with _turn():
        try:
            draft = await calibrate(
                model, device, reserve=_state.reserve, on_progress=on_progress, limits=limits
            )
        finally:
            _state.step = None
        await in_database_thread(passports.store, draft)
    log.info(
        "calibrated %s on %s: %s to %d tokens%s",
        model,
        device,
        "verified" if draft.is_verified else "failed",
        draft.verified_prompt_tokens,
        f" ({draft.reason})" if draft.reason else "",
    )


def choose_pairs(picture: Snapshot, model: str | None, device: str | None) -> list[Pair]:
    """The pairs to measure: every one that can be, or those of that model and device (GPU means
    every GPU). Raises InferenceError when there is none, with the reason when one was named."""
    models = [resolve_model(model, picture)] if model else list(picture.models.values())
    wanted = device.upper() if device else ""
    devices = [item for item in picture.devices if _is_meant(item, wanted)]
    if wanted and not devices:
        raise InvalidRequest(f"there is no device {device}", field="device")
    found, refusal = [], None
    for info in models:
        for item in devices:
            try:
                found.append(pair_of(info.name, item.name, picture))
            except InferenceError as error:
                refusal = error
    if found:
        return found
    if refusal is not None and (model or device):
        raise refusal
    raise InvalidRequest("there is no model and device that could be measured")


async def due_pairs(picture: Snapshot) -> list[Pair]:
    """The pairs whose passport is missing or no longer right, preferred devices first."""
    try:
        pairs = choose_pairs(picture, None, None)
    except InferenceError:
        return []
    plugins = await in_database_thread(passports.read_plugins)
    now = {
        (pair.model.name, pair.device.name): {
            **versions_of(pair.model, pair.variant, pair.device, plugins),
            SETTINGS: settings_of(pair.spec(picture, environment.home())),
        }
        for pair in pairs
    }
    names = set(await in_database_thread(passports.due, now))
    return [pair for pair in pairs if (pair.model.name, pair.device.name) in names]


async def _run_pair(pair: Pair, limits: Limits) -> AsyncGenerator[Step, None]:
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    work = asyncio.create_task(measure_and_store(pair, limits, steps.put_nowait))
    work.add_done_callback(lambda _: steps.put_nowait(None))
    if _turn().locked():
        yield Step(pair.model.name, pair.device.name, "waiting for the calibration under way")
    try:
        while (step := await steps.get()) is not None:
            yield step
        await work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _turn() -> asyncio.Lock:
    """Held by the one calibration under way; a lock knows one event loop only."""
    return _state.turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def _is_meant(device: DeviceInfo, wanted: str) -> bool:
    """Without a name, every device that requests may use."""
    if not wanted:
        return device.enabled and device.present
    return wanted in (device.name, device.device_class)
