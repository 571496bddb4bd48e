"""Engines come when wanted, are shared, and go when their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from inference.errors import EngineFailed
from inference.requests import FOREVER
from inference.residency.placement import NoPlace, Option
from inference.residency.process import Patience
from inference.residency.residents import Residency
from inference.residency.scheduling import Overflow
from inference.residency.spec import EngineSpec
from inference.worker.protocol import EngineRequest


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


def acquire(residency: Residency, *options: EngineSpec | Option, **change):
    wishes = {
        "client": "a",
        "keep_alive_seconds": FOREVER,
        "patience": Patience(load=120.0),
    } | change
    return asyncio.ensure_future(
        residency.acquire([o if isinstance(o, Option) else Option(o) for o in options], **wishes)
    )


async def slot_of(residency: Residency, *options: EngineSpec | Option, **change):
    return (await acquire(residency, *options, **change)).slot


async def test_many_who_wait_share_one_load(residency, spec):
    slots = await asyncio.gather(*(slot_of(residency, spec) for _ in range(2)))
    assert len({slot.process.pid for slot in slots}) == 1
    assert all(slot.load_seconds > 0 for slot in slots)
    later = acquire(residency, spec)
    slots[0].release()
    assert (await later).slot.load_seconds == 0


async def test_beyond_the_places_they_wait_and_beyond_the_line_they_are_refused(residency, spec):
    short = Option(spec, max_queued=1)
    slots = [await slot_of(residency, short) for _ in range(2)]
    waiting = acquire(residency, short)
    await asyncio.sleep(0)
    with pytest.raises(NoPlace) as refusal:
        await acquire(residency, short)
    assert refusal.value.retry_after_seconds >= 1
    assert [passed.reason for passed in refusal.value.passed] == ["queue_full"]
    slots[0].release()
    assert (await waiting).slot.queue_seconds > 0


async def test_who_gives_up_waiting_leaves_the_line(residency, spec):
    slots = [await slot_of(residency, spec) for _ in range(2)]
    impatient = acquire(residency, spec, request_id="req_impatient")
    await asyncio.sleep(0)
    (engine,) = residency.engines()
    assert [(one.request_id, one.position) for one in engine.waiting()] == [("req_impatient", 1)]
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    for slot in slots:
        slot.release()
    assert engine.is_idle


async def test_an_idle_engine_goes_when_its_keep_alive_is_over(residency, spec):
    slot = await slot_of(residency, spec, keep_alive_seconds=0.0)
    pid, engine = slot.process.pid, slot.engine
    slot.release()
    await engine.gone.wait()
    assert residency.engines() == ()
    assert not psutil.pid_exists(pid)


async def test_unload_waits_for_the_generation_under_way(residency, spec):
    slot = await slot_of(residency, spec)
    unloading = asyncio.ensure_future(residency.unload(model=spec.model))
    await asyncio.sleep(0)
    assert slot.process.is_ready
    assert not unloading.done()
    slot.release()
    await unloading
    assert residency.engines() == ()


async def test_a_second_model_takes_the_place_of_the_first_when_that_is_done(residency, spec):
    first = await slot_of(residency, spec)
    other = acquire(residency, replace(spec, model="other:latest"))
    await asyncio.sleep(0)
    assert not first.engine.gone.is_set()
    first.release()
    assert (await other).slot.engine.spec.model == "other:latest"
    assert first.engine.gone.is_set()


async def test_a_pinned_model_stays_and_the_other_one_goes_elsewhere(spec):
    residency = Residency(is_pinned=lambda model, device: model == spec.model)
    try:
        pinned = await slot_of(residency, spec, keep_alive_seconds=0.0)
        pinned.release()
        other = replace(spec, model="other:latest")
        placement = await acquire(residency, other, replace(other, device="GPU", emulated=True))
        assert placement.option.spec.device == "GPU"
        assert [(p.device, p.reason) for p in placement.passed] == [("CPU", "out_of_memory")]
        assert pinned.process.is_ready
    finally:
        await residency.close()


async def test_while_a_device_loads_the_next_ready_one_serves_and_then_the_first(residency, spec):
    second = replace(spec, device="GPU", emulated=True)
    (await slot_of(residency, second)).release()
    bridged = await acquire(residency, spec, second)
    assert bridged.option.spec == second
    assert [(p.device, p.reason) for p in bridged.passed] == [("CPU", "device_loading")]
    bridged.slot.release()
    (await acquire(residency, spec, may_bridge=False)).slot.release()
    later = await acquire(residency, spec, second)
    assert (later.option.spec, later.passed) == (spec, ())


async def test_who_finds_a_device_busy_is_served_by_the_next(residency, spec):
    one_place = replace(spec, max_concurrent_requests=1)
    second = replace(one_place, device="GPU", emulated=True)
    first = await slot_of(residency, one_place, second)
    beside = await acquire(residency, one_place, second)
    assert beside.option.spec.device == "GPU"
    assert [(p.device, p.reason) for p in beside.passed] == [("CPU", "device_busy")]
    waits = Option(one_place, Overflow.WAIT)
    patient = acquire(residency, waits, second)
    await asyncio.sleep(0)
    assert not patient.done()
    first.release()
    assert (await patient).option.spec.device == "CPU"
    with pytest.raises(NoPlace):
        await acquire(residency, Option(one_place, Overflow.REFUSE), second)


async def test_changed_settings_replace_the_engine(residency, spec):
    slot = await slot_of(residency, spec)
    old = slot.process.pid
    slot.release()
    changed = replace(spec, properties='{"INFERENCE_NUM_THREADS":1}')
    assert (await slot_of(residency, changed)).process.pid != old
    assert not psutil.pid_exists(old)


async def test_a_failed_load_goes_to_the_next_device_and_is_not_repeated_at_once(
    residency, spec, tmp_path
):
    broken = replace(spec, device="GPU", emulated=True, folder=str(tmp_path))
    placement = await acquire(residency, broken, spec)
    assert placement.option.spec == spec
    (passed,) = [p for p in placement.passed if p.reason == "load_failed"]
    assert passed.device == "GPU"
    (resting,) = residency.health.resting()
    assert (resting.device, resting.reason, resting.text) == ("GPU", "load_failed", passed.text)
    with pytest.raises(NoPlace) as refusal:
        await acquire(residency, broken)
    assert refusal.value.retry_after_seconds is None
    assert [e.spec.device for e in residency.engines()] == ["CPU"]


async def test_a_first_crash_reloads_at_once_and_a_second_one_is_quarantine(residency, spec):
    slot = await slot_of(residency, spec)
    for crashes in (1, 2):
        psutil.Process(slot.process.pid).kill()
        await slot.engine.gone.wait()
        slot.release()
        if crashes == 1:
            assert [e.process.state for e in residency.engines()] == ["starting"]
            assert residency.health.resting() == ()
            slot = await slot_of(residency, spec)
    assert residency.engines() == ()
    (resting,) = residency.health.resting()
    assert resting.reason == "engine_failed"
    assert residency.load_of(spec.model, spec.device).quarantine
    # When nothing else can serve it is asked all the same.
    assert (await slot_of(residency, spec)).process.is_ready


async def test_a_process_that_is_killed_while_it_loads_is_started_again(residency, spec):
    waiting = acquire(residency, spec)
    for _ in range(2):
        await killed_while_loading(residency)
    slot = (await waiting).slot
    assert slot.process.is_ready
    assert [pair.reason for pair in residency.health.resting()] == ["engine_failed"]


async def test_who_saw_four_loads_die_is_told(residency, spec):
    waiting = acquire(residency, spec)
    for _ in range(4):
        await killed_while_loading(residency)
    with pytest.raises(NoPlace) as refusal:
        await waiting
    assert refusal.value.passed[-1].reason == "engine_failed"
    assert "while loading" in refusal.value.passed[-1].text


async def killed_while_loading(residency: Residency) -> None:
    """Kills the process of the one engine as soon as there is one, and waits for its end."""
    while not (engines := residency.engines()) or engines[0].process.pid is None:
        await asyncio.sleep(0.01)
    psutil.Process(engines[0].process.pid).kill()
    await engines[0].gone.wait()


async def test_a_crash_counts_although_somebody_waits_for_the_next_engine_already(residency, spec):
    for _ in range(2):
        slot = await slot_of(residency, spec)
        _, stream = slot.process.submit(EngineRequest(0, [504], 4000, ignore_eos=True))
        await stream.next_batch()
        psutil.Process(slot.process.pid).kill()
        with pytest.raises(EngineFailed):
            while True:
                await stream.next_batch()
        again = acquire(residency, spec)  # before the process is reaped
        slot.release()
        (await again).slot.release()
        await slot.engine.gone.wait()
    assert [pair.reason for pair in residency.health.resting()] == ["engine_failed"]


async def test_an_engine_without_a_sign_of_life_is_ended_and_replaced(residency, spec):
    slot = await slot_of(residency, spec, patience=Patience(load=120.0, silence=2.0))
    psutil.Process(slot.process.pid).suspend()
    await slot.engine.gone.wait()
    slot.release()
    assert slot.process.end_reason == "engine_stalled"
    assert (await slot_of(residency, spec)).process.pid != slot.process.pid


async def test_a_reservation_keeps_others_off_the_device(residency, spec):
    async with residency.reserved(Option(spec)):
        second = replace(spec, device="GPU", emulated=True)
        placement = await acquire(residency, spec, second)
        assert placement.option.spec.device == "GPU"
        placement.slot.release()
        waiting = acquire(residency, spec)
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert (await waiting).option.spec.device == "CPU"
