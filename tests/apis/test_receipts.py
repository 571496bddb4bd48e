"""Receipts: where an answer ran, why, and how long everything took."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from apis.npu.frames import merged, receipt_of, receipt_so_far, words_of
from apis.npu.schemas import Place
from inference.journal import RunningRequest
from inference.records import RecordDraft
from inference.requests import ChainStep, RouteReport
from inference.snapshot import Snapshot
from inference.status import Waiting
from tests.apis.conftest import MODEL
from tests.appliance_process import copy_home
from tests.conftest import StartAppliance

USER = [{"role": "user", "content": "hi"}]
UNKNOWN = "req_" + "0" * 24


def draft(number: int = 1, *, outcome: str = "stop", **known: Any) -> RecordDraft:
    return RecordDraft(
        request_id=f"req_{number:024x}",
        received_at=datetime(2100, 1, 2, 3, 4, number, tzinfo=UTC),
        family="ollama",
        endpoint="/api/chat",
        model_name="tiny:1m",
        outcome=outcome,
        **known,
    )


FAILED_OVER = draft(
    outcome="length",
    routed_device="NPU",
    execution_device="NPU",
    reason="within_token_limit",
    fallback_reason="",
    explanation="12 tokens: within the NPU's limit of 1,800",
    chain=[
        asdict(ChainStep("NPU", "engine_failed", "the engine died (signal 9)", tokens=7)),
        asdict(ChainStep("CPU", "within_token_limit", tokens=13)),
    ],
    devices=["NPU", "CPU"],
    predicted_seconds=1.5,
    prompt_tokens=12,
    completion_tokens=20,
    queue_seconds=0.1,
    load_seconds=0.2,
    prefill_seconds=0.3,
    decode_seconds=0.4,
    ttft_seconds=0.6,
    total_seconds=1.0,
    ignored=["mirostat"],
)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("stop", "finished"),
        ("length", "finished"),
        ("cancelled", "cancelled"),
        ("engine_failed", "failed"),
        ("an_error_of_a_later_version", "failed"),
    ],
)
def test_the_state_follows_from_the_outcome(outcome: str, state: str) -> None:
    assert receipt_of(draft(outcome=outcome), Snapshot()).state == state


def test_what_is_empty_in_a_record_is_null_in_its_receipt() -> None:
    receipt = receipt_of(draft(), Snapshot()).model_dump()

    for name in ("error", "routed_device", "execution_device", "reason", "fallback_reason"):
        assert receipt[name] is None
    assert receipt["times"]["predicted_seconds"] is None


def test_steps_say_their_reason_in_words_even_if_an_older_version_wrote_them() -> None:
    record = draft(chain=[{"device": "NPU", "reason": "moon_phase"}, {"device": "CPU"}])

    steps = receipt_of(record, Snapshot()).chain

    assert [(step.words, step.error, step.tokens) for step in steps] == [
        ("moon_phase", "", 0),
        ("", "", 0),
    ]
    assert words_of("device_absent") == "not found by OpenVINO"


def test_a_receipt_grows_while_the_request_runs() -> None:
    entry = RunningRequest(UNKNOWN, "/api/chat", "ollama", "tiny:1m")
    lines = [Waiting("req_other", "", 1, 2.0), Waiting(UNKNOWN, "", 2, 4.04)]
    waiting = receipt_so_far(entry, Snapshot(), lines)

    entry.device, entry.tokens = "CPU", 4
    entry.route = RouteReport(
        "NPU",
        "CPU",
        "within_token_limit",
        "device_absent",
        12,
        explanation="12 tokens: NPU not found by OpenVINO, so CPU",
        chain=(ChainStep("NPU", "device_absent", "not found by OpenVINO"),),
        predicted_seconds=2.0,
    )
    running = receipt_so_far(entry, Snapshot())

    assert waiting.state == running.state == "running"
    assert waiting.waiting == Place(position=2, seconds=4.0)
    assert running.waiting is None
    assert (waiting.execution_device, waiting.tokens.prompt, waiting.chain) == (None, None, [])
    assert (running.routed_device, running.execution_device) == ("NPU", "CPU")
    assert (running.reason, running.fallback_reason) == ("within_token_limit", "device_absent")
    assert running.devices == ["CPU"]
    assert [step.device for step in running.chain] == ["NPU"]
    assert (running.tokens.prompt, running.tokens.completion) == (12, 4)
    assert running.times.predicted_seconds == 2.0


def test_memory_and_database_make_one_list_newest_first() -> None:
    first, second, third = draft(1), draft(2), draft(3)

    assert merged([third, second], [second, first]) == [third, second, first]


def receipt_of_answer(client: httpx.Client, answer: httpx.Response, part: str = "") -> Any:
    found = client.get(f"/api/npu/requests/{answer.headers['X-Request-ID']}{part}")
    assert found.status_code == 200, found.text
    return found.json()


def test_an_answers_receipt_says_what_its_headers_said_and_more(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "options": {"num_predict": 3, "mirostat": 1}}

    answer = client.post("/api/chat", json={**body, "stream": False})

    receipt = receipt_of_answer(client, answer)
    assert receipt["id"] == answer.headers["X-Request-ID"]
    assert (receipt["state"], receipt["outcome"], receipt["error"]) == ("finished", "length", None)
    assert (receipt["family"], receipt["endpoint"]) == ("ollama", "/api/chat")
    assert receipt["model"] == MODEL
    assert receipt["execution_device"] == answer.headers["X-NPU-Proxy-Execution-Device"]
    assert receipt["routed_device"] == answer.headers["X-NPU-Proxy-Routed-Device"]
    assert receipt["reason"] == answer.headers["X-NPU-Proxy-Route-Reason"]
    assert receipt["fallback_reason"] is None
    assert "tokens" in receipt["explanation"]
    assert [step["device"] for step in receipt["chain"] if not step["error"]] == ["CPU"]
    assert receipt["tokens"]["prompt"] == int(answer.headers["X-NPU-Proxy-Token-Count"])
    assert receipt["tokens"]["completion"] == 3
    assert receipt["ignored"] == ["mirostat"]
    times = receipt["times"]
    assert 0 < times["prefill_seconds"] < times["ttft_seconds"] < times["total_seconds"]
    received = datetime.fromisoformat(receipt["received_at"])
    assert 0 <= (datetime.now(UTC) - received).total_seconds() < 120


def test_each_of_several_answers_has_a_receipt(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "max_tokens": 2, "n": 3}

    answer = client.post("/v1/chat/completions", json=body)

    ids = [receipt_of_answer(client, answer, part)["id"] for part in ("", "_1", "_2")]
    assert ids == [answer.headers["X-Request-ID"] + part for part in ("", "_1", "_2")]
    missing = client.get(f"/api/npu/requests/{answer.headers['X-Request-ID']}_3")
    assert missing.status_code == 404


def test_a_refused_request_has_a_receipt_and_headers_too(client: httpx.Client) -> None:
    messages = [{"role": "user", "content": "word " * 9000}]

    answer = client.post("/v1/chat/completions", json={"model": MODEL, "messages": messages})

    assert answer.status_code == 400
    assert int(answer.headers["X-NPU-Proxy-Token-Count"]) > 9000
    receipt = receipt_of_answer(client, answer)
    assert (receipt["state"], receipt["outcome"]) == ("failed", "prompt_too_long")
    assert "8192" in receipt["error"]
    assert receipt["execution_device"] is None


def test_a_request_under_way_has_a_receipt_of_what_is_known(client: httpx.Client) -> None:
    body = {"model": MODEL, "prompt": "Go", "raw": True}
    options = {"num_predict": 2000, "ignore_eos": True}
    with client.stream("POST", "/api/generate", json={**body, "options": options}) as stream:
        lines = stream.iter_lines()
        next(lines)
        path = f"/api/npu/requests/{stream.headers['X-Request-ID']}"
        running = client.get(path).json()
        listed = client.get("/api/npu/requests", params={"limit": 1}).json()["requests"]
    ended = client.get(path).json()

    assert running["state"] == "running"
    assert running["outcome"] is None
    assert running["execution_device"] == "CPU"
    assert running["tokens"]["completion"] > 0
    assert running["times"]["total_seconds"] > 0
    assert [entry["id"] for entry in listed] == [running["id"]]
    assert ended["state"] in ("running", "cancelled")


@pytest.mark.parametrize("name", [UNKNOWN, "none", "req_1", "req_" + "g" * 24, "%00", "a" * 5000])
def test_an_unknown_id_is_404_in_json(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/api/npu/requests/{name}")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    error = answer.json()
    assert error["error"].startswith("no request with the id")
    assert (error["code"], error["field"]) == ("request_not_found", None)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", ""])
def test_a_bad_limit_is_400_and_named(client: httpx.Client, limit: str) -> None:
    answer = client.get("/api/npu/requests", params={"limit": limit})

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid_request", "limit")


def test_receipts_of_an_earlier_run_come_from_the_database(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path
) -> None:
    """The record of an answer that was continued on another device, as dispatch writes it."""
    home = copy_home(starter_home, tmp_path / "home")
    write(home, FAILED_OVER, draft(2, outcome="cancelled"))
    appliance = start_appliance(home, NPUCONSOLE_EMULATE_NPU="1")
    appliance.wait_until_started()

    with appliance.client() as client:
        receipt = client.get(f"/api/npu/requests/{FAILED_OVER.request_id}").json()
        listed = client.get("/api/npu/requests", params={"limit": 2}).json()["requests"]

    assert [entry["id"] for entry in listed] == [draft(2).request_id, FAILED_OVER.request_id]
    assert listed[1] == receipt
    assert receipt["received_at"] == "2100-01-02T03:04:01.000000Z"
    assert receipt["devices"] == ["NPU", "CPU"]
    assert receipt["emulated"] == ["NPU"]
    assert receipt["chain"] == [
        {
            "device": "NPU",
            "reason": "engine_failed",
            "words": "the engine failed",
            "error": "the engine died (signal 9)",
            "tokens": 7,
        },
        {
            "device": "CPU",
            "reason": "within_token_limit",
            "words": "within its limit",
            "error": "",
            "tokens": 13,
        },
    ]
    assert receipt["times"] == {
        "queue_seconds": 0.1,
        "load_seconds": 0.2,
        "prefill_seconds": 0.3,
        "decode_seconds": 0.4,
        "ttft_seconds": 0.6,
        "total_seconds": 1.0,
        "predicted_seconds": 1.5,
    }
    assert receipt["tokens"] == {"prompt": 12, "completion": 20}
    assert receipt["ignored"] == ["mirostat"]


def write(home: Path, *records: RecordDraft) -> None:
    """Put records into a data folder's database."""
    for record in records:
        values = {
            name: json.dumps(value) if isinstance(value, list) else value
            for name, value in asdict(record).items()
        }
        values["received_at"] = record.received_at.strftime("%Y-%m-%d %H:%M:%S")
        columns, places = ", ".join(values), ", ".join("?" * len(values))
        with closing(sqlite3.connect(home / "npuconsole.sqlite3")) as connection, connection:
            connection.execute(
                f"INSERT INTO inference_requestrecord ({columns}) VALUES ({places})",
                list(values.values()),
            )
