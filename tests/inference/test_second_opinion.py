"""Garbage of the (emulated) NPU is replaced before anybody sees it, and blamed on the device only
if the CPU answers otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from inference import dispatch, second_opinion
from inference.calibration.passports import reports
from inference.requests import Finished, GenerationRequest, Sampling, TextDelta
from inference.residency.residents import Residency
from tests.inference.conftest import chat_ids

MODEL = "smollm2:135m"

pytestmark = pytest.mark.usefixtures("starter_rows")


@pytest_asyncio.fixture(autouse=True)
async def engines() -> AsyncIterator[None]:
    """A residency of this test's loop."""
    before, dispatch.residency = dispatch.residency, Residency()
    yield
    await dispatch.close()
    dispatch.residency = before


async def marked_down() -> dict[str, int]:
    drafts = [report.passport for report in await reports(MODEL)]
    return {draft.device: draft.verified_prompt_tokens for draft in drafts}


async def test_what_begins_as_garbage_is_replaced_by_the_next_devices_answer():
    request = GenerationRequest(
        model=MODEL,
        family="ollama",
        endpoint="/api/generate",
        prompt="! " * 40,
        sampling=Sampling(temperature=0.0, max_tokens=48),
    )
    pieces, finished = [], None
    async with await dispatch.generate(request) as generation:
        assert generation.route.execution_device == "NPU"
        async for events in generation:
            for event in events:
                if isinstance(event, TextDelta):
                    pieces.append(event.text)
                if isinstance(event, Finished):
                    finished = event

    assert finished is not None
    assert 16 < finished.completion_tokens <= 48
    assert not "".join(pieces).startswith("!!")
    record = dispatch.journal.decisions[0]
    assert record.execution_device == "CPU"
    assert [(s["device"], s["reason"]) for s in record.chain if s["tokens"]] == [
        ("NPU", "garbage_output"),
        ("CPU", "within_token_limit"),
    ]
    await asyncio.gather(*dispatch._tasks)
    assert await marked_down() == {"NPU": 32}


async def test_what_only_the_device_does_marks_its_verified_length_down(tokenizer):
    ids = tuple(chat_ids(tokenizer, "What is the capital of France? " * 10))[-100:]
    await second_opinion.judge(
        MODEL, "NPU", ids, Sampling(temperature=0.0, max_tokens=31), "one token 31 times in a row"
    )
    assert await marked_down() == {"NPU": 32}


async def test_what_the_cpu_does_as_well_is_not_held_against_the_device(tokenizer):
    ids = tuple(tokenizer.encode("The number is 1" + "0" * 90, add_special_tokens=False).ids)
    await second_opinion.judge(
        MODEL, "NPU", ids, Sampling(temperature=0.0, max_tokens=60), "one token 31 times in a row"
    )
    assert await marked_down() == {}
