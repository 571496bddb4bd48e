"""Engines come when wanted, are shared, and go when their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from inference.errors import ServerBusy
from inference.requests import FOREVER
from inference.residency.process import LoadFailed
from inference.residency.residents import Residency
from inference.residency.spec import EngineSpec


@pytest.fixture
def spec(starter_folder: Path) -> EngineSpec:
    return EngineSpec(
        "smollm2:135m", "CPU", False, "batched", str(starter_folder), "{}", 8192, 8192, 1, 2
    )


@pytest_asyncio.fixture
async def residency() -> AsyncIterator[Residency]:
    residency = Residency()
    yield residency
    await residency.close()


def acquire(residency: Residency, spec: EngineSpec, **change):
    wishes = {
        "client": "a",
        "keep_alive_seconds": FOREVER,
        "max_engines": 1,
        "max_queued": 8,
        "load_timeout_seconds": 120.0,
    } | change
    return asyncio.ensure_future(residency.acquire(spec, **wishes))


async def test_many_who_wait_share_one_load(residency, spec):
    slots = await asyncio.gather(*(acquire(residency, spec) for _ in range(2)))
    assert len({slot.process.pid for slot in slots}) == 1
    assert all(slot.load_seconds > 0 for slot in slots)
    later = acquire(residency, spec)
    slots[0].release()
    assert (await later).load_seconds == 0


async def test_beyond_the_places_they_wait_and_beyond_the_line_they_are_refused(residency, spec):
    slots = [await acquire(residency, spec) for _ in range(2)]
    waiting = acquire(residency, spec, max_queued=1)
    await asyncio.sleep(0)
    with pytest.raises(ServerBusy):
        await acquire(residency, spec, max_queued=1)
    slots[0].release()
    assert (await waiting).queue_seconds > 0


async def test_who_gives_up_waiting_leaves_the_line(residency, spec):
    slots = [await acquire(residency, spec) for _ in range(2)]
    impatient = acquire(residency, spec)
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    for slot in slots:
        slot.release()
    (engine,) = residency.engines()
    assert engine.is_idle


async def test_an_idle_engine_goes_when_its_keep_alive_is_over(residency, spec):
    slot = await acquire(residency, spec, keep_alive_seconds=0.0)
    pid, engine = slot.process.pid, slot.engine
    slot.release()
    await engine.gone.wait()
    assert residency.engines() == ()
    assert not psutil.pid_exists(pid)


async def test_unload_waits_for_the_generation_under_way(residency, spec):
    slot = await acquire(residency, spec)
    unloading = asyncio.ensure_future(residency.unload(spec.model))
    await asyncio.sleep(0)
    assert slot.process.is_ready
    assert not unloading.done()
    slot.release()
    await unloading
    assert residency.engines() == ()


async def test_a_second_model_takes_the_place_of_the_idle_first(residency, spec):
    first = await acquire(residency, spec)
    first_engine = first.engine
    other = acquire(residency, replace(spec, model="other:latest"))
    await asyncio.sleep(0)
    assert not first_engine.gone.is_set()
    first.release()
    assert (await other).engine.spec.model == "other:latest"
    assert first_engine.gone.is_set()


async def test_changed_settings_replace_the_engine(residency, spec):
    slot = await acquire(residency, spec)
    old = slot.process.pid
    slot.release()
    changed = replace(spec, properties='{"INFERENCE_NUM_THREADS":1}')
    assert (await acquire(residency, changed)).process.pid != old
    assert not psutil.pid_exists(old)


async def test_a_failed_load_is_told_and_not_repeated_at_once(residency, spec, tmp_path):
    broken = replace(spec, folder=str(tmp_path))
    with pytest.raises(LoadFailed) as first:
        await acquire(residency, broken)
    assert residency.failure_of(broken) == str(first.value)
    with pytest.raises(LoadFailed):
        await acquire(residency, broken)
    assert residency.engines() == ()


async def test_after_a_crash_the_next_request_gets_a_new_engine(residency, spec):
    slot = await acquire(residency, spec)
    psutil.Process(slot.process.pid).kill()
    engine = slot.engine
    await engine.gone.wait()
    slot.release()
    assert (await acquire(residency, spec)).process.pid != slot.process.pid
