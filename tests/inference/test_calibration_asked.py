"""A calibration from a button: it goes on by itself, one at a time, and its end is kept."""

from __future__ import annotations

import asyncio

import pytest

from inference import configuration, snapshot
from inference.calibration import asked
from inference.calibration.passports import reports
from inference.database import in_database_thread
from inference.errors import InferenceError
from inference.models import DevicePolicy

STARTER = "smollm2:135m"


async def test_it_runs_to_its_end_and_tells_how_it_went(starter_rows: None) -> None:
    def with_short_prompts() -> None:
        DevicePolicy.objects.filter(device__name="CPU").update(max_prompt_len=32)
        snapshot.replace_with(configuration.load())

    await in_database_thread(with_short_prompts)
    with pytest.raises(InferenceError):
        asked.begin((STARTER, "CPU"), ("nobody:1b", "CPU"))
    assert asked.last() is None

    asked.begin((STARTER, "CPU"), ("", "CPU"))
    with pytest.raises(InferenceError, match="under way"):
        asked.begin((STARTER, "CPU"))
    asked.dismiss()
    assert asked.last() is not None, "what is under way cannot be dismissed"
    await next(t for t in asyncio.all_tasks() if t.get_name() == "calibration that was asked for")

    run = asked.last()
    assert run is not None
    assert not run.is_under_way
    told = f"{STARTER} on CPU is verified to 32 tokens."
    assert (run.outcome, run.error) == (f"{told} {told}", "")
    assert [report.passport.is_verified for report in await reports(STARTER)] == [True]
    asked.dismiss()
    assert asked.last() is None
    await asked.stop()
