"""Calibration in the background: in quiet times only, and gone as soon as somebody comes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import psutil
import pytest
import pytest_asyncio

from inference import configuration, snapshot
from inference.calibration import runs, schedule
from inference.calibration.measure import Limits
from inference.calibration.passports import reports
from inference.database import in_database_thread
from inference.models import DevicePolicy
from tests.inference.conftest import engines_of_ours

STARTER = "smollm2:135m"


@pytest.mark.parametrize(
    ("idle", "wanted", "is_run_wanted", "quiet"),
    [
        (300.0, 300.0, False, True),
        (299.0, 300.0, False, False),
        (0.0, 300.0, False, False),
        (1e9, 0.0, False, False),
        (1e9, 300.0, True, False),
    ],
)
def test_it_is_quiet_when_nothing_ran_for_as_long_as_the_owner_wants(
    idle: float, wanted: float, is_run_wanted: bool, quiet: bool
) -> None:
    assert schedule.is_quiet(idle, wanted, is_run_wanted=is_run_wanted) is quiet


@dataclass
class Machine:
    """What the appliance would say of itself."""

    idle_seconds: float = 0.0


@pytest_asyncio.fixture
async def machine(starter_rows: None) -> AsyncIterator[Machine]:
    """A machine in use, with the CPU as its only device; the background looks at it."""

    def only_the_cpu() -> None:
        DevicePolicy.objects.filter(device__name="NPU").update(enabled=False)
        DevicePolicy.objects.filter(device__name="CPU").update(max_prompt_len=32)
        snapshot.replace_with(configuration.load())

    await in_database_thread(only_the_cpu)
    machine = Machine()
    schedule.start(lambda: machine.idle_seconds, lambda spec: contextlib.nullcontext())
    yield machine
    await schedule.stop()
    assert engines_of_ours() == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_request_stops_it_and_it_begins_again_when_all_is_quiet(machine: Machine) -> None:
    machine.idle_seconds = 1000
    await until(lambda: len(engines_of_ours()) == 1)
    first = engines_of_ours()[0].pid

    machine.idle_seconds = 0
    await until(lambda: runs.under_way() is None)
    assert engines_of_ours() == []
    assert await reports() == []

    machine.idle_seconds = 1000
    async with asyncio.timeout(60):
        while not await reports():
            await asyncio.sleep(0.1)
    (report,) = await reports()
    assert report.passport.is_verified
    assert report.passport.device == "CPU"
    assert not psutil.pid_exists(first)


async def test_a_run_that_was_asked_for_comes_first(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    machine.idle_seconds = 1000
    await until(lambda: runs.under_way() is not None)

    updates = [update async for update in runs.run(STARTER, "CPU", limits=Limits(seconds=0.3))]

    assert isinstance(updates[0], runs.Step)
    assert updates[0].words == "waiting for the calibration under way"
    assert isinstance(updates[-1], runs.Done)
    (report,) = updates[-1].passports
    assert report.passport.reason == "not finished within 0.3 s"
    assert "the calibration of smollm2:135m on CPU gives way" in caplog.text


async def test_stopping_ends_the_calibration_under_way(machine: Machine) -> None:
    machine.idle_seconds = 1000
    await until(lambda: len(engines_of_ours()) == 1)

    await schedule.stop()

    assert engines_of_ours() == []
    assert runs.under_way() is None
