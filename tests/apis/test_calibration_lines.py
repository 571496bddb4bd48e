"""Calibration over HTTP: a line for every step, and the passports at the end."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from apis.calls import Call
from apis.npu.frames import calibration_lines
from inference.calibration.agreement import Bucket
from inference.calibration.passports import PassportDraft, PassportReport
from inference.calibration.runs import Done, Step, Update
from inference.errors import EngineFailed
from tests.apis.conftest import MODEL
from tests.appliance_process import copy_home, polls
from tests.conftest import StartAppliance

CALL = Call("POST", "/api/npu/calibrate", "", "", (), "")
LOADING = Step(MODEL, "NPU", "loading, for the first time")
PASSPORT = PassportReport(
    PassportDraft(
        MODEL,
        "NPU",
        "int4",
        {"openvino": "2026.4", "emulated": True},
        True,
        verified_prompt_tokens=1024,
        cold_load_seconds=7.5,
        warm_load_seconds=2.5,
        memory_bytes=10**9,
        buckets=(Bucket(32, 16, 16, True, 0.2, 21.0),),
    ),
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    False,
)


async def updates_of(*updates: Update | Exception) -> AsyncGenerator[Update, None]:
    for update in updates:
        if isinstance(update, Exception):
            raise update
        yield update


async def parsed(lines: AsyncIterator[bytes]) -> list[Any]:
    return [json.loads(line) async for line in lines]


async def test_every_step_is_a_line_and_the_last_has_the_passports() -> None:
    step, done = await parsed(calibration_lines(CALL, LOADING, updates_of(Done((PASSPORT,)))))

    assert step == {"status": "loading, for the first time", "model": MODEL, "device": "NPU"}
    assert done["status"] == "success"
    (passport,) = done["passports"]
    assert (passport["model"], passport["device"]) == (MODEL, "NPU")
    assert (passport["status"], passport["emulated"]) == ("verified", True)
    assert passport["verified_prompt_tokens"] == 1024
    assert passport["calibrated_at"] == "2026-01-02T03:04:05.000000Z"
    assert passport["buckets"][0]["ttft_seconds"] == 0.2
    assert set(passport) == set(PASSPORT.as_dict()), "the command prints both"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (EngineFailed("the engine died"), "the engine died"),
        (
            KeyError("/secret"),
            f"internal error, the server's log says more under {CALL.request_id}",
        ),
    ],
    ids=["meant for clients", "not meant for clients"],
)
async def test_one_that_fails_ends_with_its_error(error: Exception, text: str) -> None:
    _, last = await parsed(calibration_lines(CALL, LOADING, updates_of(error)))

    assert last["error"] == text


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "llama9"}, 404, "model 'llama9' not found"),
        ({"device": "TPU"}, 400, "there is no device TPU"),
        ({"model": MODEL, "device": "GPU"}, 400, "GPU"),
        ({"model": 5}, 400, "valid string"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_any_line(
    client: httpx.Client, stream: bool, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post("/api/npu/calibrate", json={**body, "stream": stream})

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert words in answer.json()["error"]
    assert answer.status_code == status


def test_passports_are_listed_even_if_there_is_none_yet(client: httpx.Client) -> None:
    answer = client.get("/api/npu/passports")

    assert answer.status_code == 200
    assert isinstance(answer.json()["passports"], list)


def test_a_client_that_leaves_ends_its_calibration(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path
) -> None:
    appliance = start_appliance(copy_home(starter_home, tmp_path / "home"))
    appliance.wait_until_started()

    with (
        appliance.client() as client,
        client.stream("POST", "/api/npu/calibrate", json={"device": "CPU"}) as stream,
    ):
        lines = stream.iter_lines()
        first = json.loads(next(lines))
        assert (first["model"], first["device"]) == (MODEL, "CPU")
        assert any(appliance.children() for _ in polls(10))

    assert any(not appliance.children() for _ in polls(10))
