"""Real calibrations of the starter: on the CPU and on the emulated NPU, and ones that go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference import configuration, environment, snapshot
from inference.calibration import runs
from inference.calibration.measure import Limits, calibrate
from inference.calibration.passports import PassportDraft, reports
from inference.database import in_database_thread
from inference.errors import InferenceError
from inference.models import ModelVariant, Setting
from inference.residency.spec import EngineSpec
from tests.inference.conftest import engines_of_ours

pytestmark = pytest.mark.usefixtures("starter_rows")

STARTER = "smollm2:135m"


def free(spec: EngineSpec) -> contextlib.nullcontext[None]:
    return contextlib.nullcontext()


async def measured(device: str, limits: Limits = Limits()) -> PassportDraft:
    return await calibrate(
        STARTER, device, reserve=free, on_progress=lambda words: None, limits=limits
    )


async def test_every_pair_gets_a_passport_with_what_was_measured():
    reserved: list[str] = []

    @contextlib.asynccontextmanager
    async def reserve(spec: EngineSpec) -> AsyncIterator[None]:
        assert engines_of_ours() == [], "one engine at a time"
        reserved.append(spec.device)
        yield

    runs.reserve_with(reserve)
    try:
        updates = [update async for update in runs.run()]
    finally:
        runs.reserve_with(None)
    await in_database_thread(lambda: snapshot.replace_with(configuration.load()))

    done = updates[-1]
    assert isinstance(done, runs.Done)
    cpu, npu = (report.passport for report in done.passports)
    for passport, limit, lengths in ((cpu, 128, [32, 128]), (npu, 256, [32, 128, 256])):
        assert passport.is_verified, passport.reason
        assert passport.reason == ""
        assert passport.verified_prompt_tokens == limit
        assert 0 < passport.warm_load_seconds < 60
        assert 100e6 < passport.memory_bytes < 8e9
        assert [bucket.prompt_tokens for bucket in passport.buckets] == lengths
        for bucket in passport.buckets:
            assert bucket.is_verified
            assert 4 <= bucket.agreed_tokens <= bucket.compared_tokens == 48
            assert 0.001 < bucket.ttft_seconds < 30
            assert 1 < bucket.decode_tokens_per_second < 10_000
    assert all(bucket.agreed_tokens == 48 for bucket in cpu.buckets), "it is its own reference"
    assert npu.cold_load_seconds > 0 < npu.warm_load_seconds
    assert [report.is_emulated for report in done.passports] == [False, True]
    assert not any(report.is_stale for report in done.passports)
    assert set(snapshot.current().passports) == {(STARTER, "CPU"), (STARTER, "NPU")}
    assert await runs.due_pairs(snapshot.current()) == []
    assert reserved == ["NPU", "CPU", "NPU", "CPU", "CPU"]
    said = {(step.device, step.words) for step in updates[:-1]}
    assert ("NPU", "the CPU's answers to prompts of 256 tokens") in said
    assert ("NPU", "prompts of 256 tokens") in said
    assert engines_of_ours() == []
    assert not (environment.home() / "calibrating").exists()


@pytest.mark.parametrize("device", ["NPU", "CPU"])
async def test_a_variant_that_cannot_be_loaded_fails_with_the_reason(
    device: str, starter_folder: Path, tmp_path: Path
):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in starter_folder.iterdir():
        if path.name != "openvino_model.bin":
            shutil.copy2(path, broken)
    (broken / "openvino_model.bin").write_bytes(b"\0" * 1000)
    await in_database_thread(ModelVariant.objects.filter().update, folder=str(broken))
    await in_database_thread(lambda: snapshot.replace_with(configuration.load()))

    updates = [update async for update in runs.run(STARTER, device)]

    assert isinstance(updates[-1], runs.Done)
    (report,) = updates[-1].passports
    passport = report.passport
    assert (passport.is_verified, passport.verified_prompt_tokens) == (False, 0)
    assert passport.reason.startswith("it does not load: ")
    assert str(tmp_path) not in passport.reason
    assert passport.buckets == ()
    assert engines_of_ours() == []


async def test_an_engine_over_its_memory_limit_is_ended_and_fails():
    passport = await measured("CPU", Limits(memory_bytes=150_000_000))

    assert not passport.is_verified
    assert passport.reason == "it needs more than the allowed 0.15 GB"
    assert engines_of_ours() == []


async def test_a_time_limit_ends_it_and_leaves_no_process():
    passport = await measured("CPU", Limits(seconds=0.3))

    assert not passport.is_verified
    assert passport.reason == "not finished within 0.3 s"
    assert engines_of_ours() == []


async def test_waiting_for_room_on_the_device_takes_nothing_of_the_time_limit():
    limits = Limits(seconds=0.2)
    got_room: list[str] = []

    @contextlib.asynccontextmanager
    async def reserve(spec: EngineSpec) -> AsyncIterator[None]:
        await asyncio.sleep(2 * limits.seconds)
        got_room.append(spec.device)
        yield

    await calibrate(STARTER, "CPU", reserve=reserve, on_progress=lambda words: None, limits=limits)

    assert got_room == ["CPU"]


async def test_whoever_stops_listening_ends_the_run_and_its_engine():
    async with contextlib.aclosing(runs.run(STARTER, "CPU")) as updates:
        async for update in updates:
            assert isinstance(update, runs.Step)
            assert runs.under_way() == update
            if "prompts of 32" in update.words:
                assert len(engines_of_ours()) == 1
                break

    assert engines_of_ours() == []
    assert await reports() == [], "no passport is stored by halves"
    assert runs.under_way() is None
    assert not runs.is_wanted()


async def test_a_second_run_waits_for_the_first():
    first = runs.run(STARTER, "CPU", limits=Limits(seconds=0.3))
    second = runs.run(STARTER, "CPU", limits=Limits(seconds=0.3))

    async with contextlib.aclosing(first), contextlib.aclosing(second):
        await anext(first)
        waiting = await anext(second)
        assert isinstance(waiting, runs.Step)
        assert waiting.words == "waiting for the calibration under way"
        assert isinstance([update async for update in first][-1], runs.Done)
        assert isinstance([update async for update in second][-1], runs.Done)


@pytest.mark.parametrize(
    ("model", "device", "words"),
    [
        ("no-such-model", None, "model 'no-such-model' not found"),
        (STARTER, "GPU", "GPU is not there: "),
        (STARTER, "TPU", "there is no device TPU"),
    ],
)
async def test_what_is_not_there_is_refused(model: str, device: str | None, words: str):
    with pytest.raises(InferenceError, match=words):
        await anext(runs.run(model, device))


async def test_a_machine_that_only_echoes_is_not_measured():
    await in_database_thread(Setting.objects.filter(key="real_inference").update, value=False)
    await in_database_thread(lambda: snapshot.replace_with(configuration.load()))

    with pytest.raises(InferenceError, match="real inference is switched off"):
        await anext(runs.run(STARTER))
    assert await runs.due_pairs(snapshot.current()) == []


async def test_cancelling_while_it_loads_leaves_no_process():
    loading = asyncio.Event()
    work = asyncio.create_task(
        calibrate(STARTER, "NPU", reserve=free, on_progress=lambda words: loading.set())
    )
    await loading.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert engines_of_ours() == []
