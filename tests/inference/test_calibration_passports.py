"""Passports in the database: which count, which are measured again, and what garbage does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from inference import configuration, snapshot
from inference.calibration import passports, runs
from inference.calibration.agreement import Bucket
from inference.calibration.passports import PassportDraft, mark_down, reports
from inference.calibration.versions import SETTINGS
from inference.database import in_database_thread
from inference.models import DevicePolicy, Model, Passport
from inference.snapshot import PassportInfo

pytestmark = pytest.mark.usefixtures("starter_rows")

STARTER = "smollm2:135m"
NPU = (STARTER, "NPU")
LENGTHS = (32, 128, 512, 1024, 2048)


def read_again() -> None:
    snapshot.replace_with(configuration.load())


def info(pair: tuple[str, str] = NPU) -> PassportInfo | None:
    return snapshot.current().passports.get(pair)


async def due_devices() -> list[str]:
    return [pair.device.name for pair in await runs.due_pairs(snapshot.current())]


async def store(device: str = "NPU", **changes: object) -> PassportDraft:
    """A passport as a calibration of now would leave it."""
    picture = snapshot.current()
    pair = runs.choose_pairs(picture, STARTER, device)[0]
    plugins = await in_database_thread(passports.read_plugins)
    versions = runs.versions_of(pair.model, pair.variant, pair.device, plugins)
    settings = runs.settings_of(pair.spec(picture, runs.environment.home()))
    draft = PassportDraft(
        STARTER,
        device,
        "int8",
        {**versions, SETTINGS: settings},
        is_verified=True,
        verified_prompt_tokens=2048,
        cold_load_seconds=80.0,
        warm_load_seconds=6.0,
        memory_bytes=2_000_000_000,
        buckets=tuple(Bucket(length, 40, 48, True, 0.5, 20.0) for length in LENGTHS),
    )
    draft = replace(draft, **changes)
    await in_database_thread(passports.store, draft)
    await in_database_thread(read_again)
    return draft


async def test_a_passport_of_now_counts_and_its_pair_is_not_due():
    assert await due_devices() == ["NPU", "CPU"]

    await store()

    found = info()
    assert found is not None
    assert (found.is_verified, found.verified_prompt_tokens) == (True, 2048)
    assert (found.warm_load_seconds, found.memory_bytes) == (6.0, 2_000_000_000)
    assert [bucket.prompt_tokens for bucket in found.buckets] == list(LENGTHS)
    assert found.buckets[0].ttft_seconds == 0.5
    assert await due_devices() == ["CPU"]


@pytest.mark.parametrize(
    "name", ["openvino", "openvino_genai", "device", "emulated", "driver", "plugin", "weights"]
)
async def test_another_version_makes_it_stale_and_its_pair_due(name: str):
    draft = await store()
    await store(versions={**draft.versions, name: "another"})

    assert info() is None
    assert await due_devices() == ["NPU", "CPU"]
    (report,) = await reports(STARTER, "NPU")
    assert report.is_stale


async def test_another_limit_has_it_measured_again_but_it_counts_until_then():
    await store()
    await in_database_thread(
        Model.objects.filter(name=STARTER).update, token_limit=1000
    )  # the NPU is compiled for 1,024 tokens now
    await in_database_thread(read_again)

    assert info() is not None
    assert "NPU" in await due_devices()


async def test_a_failed_pair_is_tried_again_after_a_day_and_failed_until_then():
    await store(is_verified=False, reason="it does not load: no memory", verified_prompt_tokens=0)

    found = info()
    assert found is not None
    assert not found.is_verified
    assert await due_devices() == ["CPU"]

    yesterday = timezone.now() - timedelta(days=1, minutes=1)
    await in_database_thread(Passport.objects.filter().update, calibrated_at=yesterday)
    assert await due_devices() == ["NPU", "CPU"]


async def test_devices_that_requests_do_not_use_are_not_due():
    await in_database_thread(DevicePolicy.objects.filter(device__name="NPU").update, enabled=False)
    await in_database_thread(read_again)

    assert await due_devices() == ["CPU"]


async def test_what_another_version_wrote_into_it_is_not_read_but_does_no_harm():
    await store()
    await in_database_thread(Passport.objects.filter().update, buckets=[{"length": 1}])
    await in_database_thread(read_again)

    found = info()
    assert found is not None
    assert found.buckets == ()


@pytest.mark.parametrize(
    ("garbage_at", "left"), [(2048, 1024), (1912, 1024), (513, 512), (100, 32), (2600, 2048)]
)
async def test_garbage_brings_the_verified_length_below_it(garbage_at: int, left: int):
    await store()
    before = (await reports())[0].calibrated_at

    await mark_down(STARTER, "NPU", garbage_at, "one token 64 times")
    await in_database_thread(read_again)

    (report,) = await reports()
    found = report.passport
    assert (found.is_verified, found.verified_prompt_tokens) == (True, left)
    assert found.reason == f"garbage at {garbage_at:,} tokens: one token 64 times"
    assert [b.prompt_tokens for b in found.buckets if b.is_verified] == [
        length for length in LENGTHS if length <= left
    ]
    assert report.calibrated_at == before
    assert await due_devices() == ["CPU"], "a calibration must not undo it at once"


async def test_garbage_at_the_shortest_prompts_fails_the_pair():
    await store()

    await mark_down(STARTER, "NPU", 20, "no valid text")
    await in_database_thread(read_again)

    found = info()
    assert found is not None
    assert (found.is_verified, found.verified_prompt_tokens) == (False, 0)


async def test_garbage_of_a_pair_that_was_never_measured_is_kept_and_has_it_measured():
    await mark_down(STARTER, "NPU", 700, "one token 64 times")
    await in_database_thread(read_again)

    found = info()
    assert found is not None
    assert (found.is_verified, found.verified_prompt_tokens, found.buckets) == (True, 512, ())
    assert await due_devices() == ["NPU", "CPU"]


@pytest.mark.parametrize("pair", [("gone:1b", "NPU"), (STARTER, "GPU.7")])
async def test_garbage_of_something_that_is_gone_meanwhile_is_no_error(pair: tuple[str, str]):
    await mark_down(*pair, 700, "one token 64 times")

    assert await reports() == []
