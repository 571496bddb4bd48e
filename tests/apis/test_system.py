"""`/`, health, devices, metrics."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apis.system.frames import choose_word, describe_device, find_problems
from inference.catalog.starter import StarterState
from inference.snapshot import DeviceInfo, Snapshot
from inference.status import EngineStatus, RestingPair
from tests.apis.conftest import MODEL
from tests.appliance_process import copy_home
from tests.conftest import StartAppliance

COMING = StarterState(MODEL, is_wanted=True)
FAILED = StarterState(MODEL, is_wanted=True, error="no network")
NONE = StarterState(MODEL)

NPU = DeviceInfo("NPU", True, True, True, "", "", "", 0, None, 512, 1, 1, 512)
CPU = replace(NPU, name="CPU", emulated=False)
RESTING = RestingPair(MODEL, "NPU", "engine_failed", "the engine stopped (signal 9)", 14.6)
ENGINE = EngineStatus(
    pid=1,
    model=MODEL,
    device="NPU",
    emulated=True,
    state="ready",
    wanted_at=datetime(2026, 1, 2, tzinfo=UTC),
    loaded_at=datetime(2026, 1, 2, tzinfo=UTC),
    expires_at=None,
    is_kept_forever=False,
    size_bytes=1,
    memory_bytes=2,
    context_length=3,
    running=1,
    queued=0,
    load_seconds=0.5,
    tokens_per_second=4.25,
    tokens_produced=17,
)

ORIGINAL_METRICS = {
    "npu_proxy_requests": ("counter", {"endpoint", "status"}),
    "npu_proxy_inference_duration_seconds": ("histogram", {"model", "device"}),
    "npu_proxy_time_to_first_token_seconds": ("histogram", {"model"}),
    "npu_proxy_inter_token_latency_seconds": ("histogram", {"model"}),
    "npu_proxy_tokens_per_second": ("gauge", {"model"}),
    "npu_proxy_loaded_models": ("gauge", {"model"}),
    "npu_proxy_tokens_generated": ("counter", {"model"}),
}


@pytest.mark.parametrize(
    ("is_started", "step", "has_model", "starter", "has_problems", "word"),
    [
        (True, "", True, NONE, False, "ok"),
        (False, "looking for devices", True, NONE, False, "starting"),
        (True, "", False, COMING, True, "starting"),
        (True, "", True, COMING, False, "ok"),
        (True, "", False, FAILED, True, "degraded"),
        (True, "", False, NONE, True, "degraded"),
        (True, "", True, NONE, True, "degraded"),
        (False, "stopping", True, NONE, False, "stopping"),
    ],
)
def test_the_word_for_balancers(
    is_started: bool,
    step: str,
    has_model: bool,
    starter: StarterState,
    has_problems: bool,
    word: str,
) -> None:
    assert word == choose_word(
        is_started=is_started,
        step=step,
        has_model=has_model,
        starter=starter,
        has_problems=has_problems,
    )


def test_the_root_greets_api_clients_and_shows_browsers_the_console(client: httpx.Client) -> None:
    plain = client.get("/")
    head = client.head("/")
    browser = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert (plain.status_code, plain.text) == (200, "Ollama is running")
    assert plain.headers["Content-Type"].startswith("text/plain")
    assert (head.status_code, head.content) == (200, b"")
    assert browser.status_code == 200
    assert browser.headers["Content-Type"].startswith("text/html")


def test_a_pair_that_rests_after_failing_is_a_problem_with_its_reason() -> None:
    picture = Snapshot(devices=(NPU, CPU))

    assert find_problems(picture, [MODEL], NONE, ()) == []
    assert find_problems(picture, [MODEL], NONE, [RESTING]) == [
        f"{MODEL} on NPU: the engine stopped (signal 9); tried again in 15 s"
    ]


def test_a_device_has_its_own_engines_and_resting_models() -> None:
    picture = Snapshot(devices=(NPU, CPU))

    npu, cpu = (describe_device(info, picture, [ENGINE], [RESTING]) for info in picture.devices)

    assert [(pair.model, pair.reason, pair.seconds_left) for pair in npu.resting] == [
        (MODEL, "engine_failed", 14.6)
    ]
    assert [(e.model, e.state, e.emulated, e.expires_at) for e in npu.engines] == [
        (MODEL, "ready", True, None)
    ]
    assert (cpu.engines, cpu.resting) == ([], [])


@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags", "/health", "/v1/models"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    head, got = client.head(path), client.get(path)

    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_the_version_is_a_plain_one_that_clients_accept(client: httpx.Client) -> None:
    version = client.get("/api/version").json()["version"]

    assert tuple(map(int, version.split("."))) >= (0, 17, 6)


def test_health_is_ok_and_says_what_runs(client: httpx.Client) -> None:
    client.post("/api/generate", json={"model": MODEL})

    health = client.get("/health").json()

    assert health["status"] == "ok"
    assert health["problems"] == []
    assert health["real_inference"] is True
    assert health["loaded_models"] == [MODEL]


def test_health_of_devices(client: httpx.Client) -> None:
    answer = client.get("/health/devices").json()

    by_name = {device["name"]: device for device in answer["devices"]}
    assert set(by_name) >= {"NPU", "GPU", "CPU"}
    assert by_name["CPU"]["present"]
    assert by_name["CPU"]["preferred"]
    assert all(d["present"] or d["absent_reason"] for d in answer["devices"])
    assert answer["token_limit"] == 1800
    assert all(device["resting"] == [] for device in answer["devices"])


def test_an_engine_that_echoes_is_said_everywhere(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path
) -> None:
    appliance = start_appliance(
        copy_home(starter_home, tmp_path / "home"), NPU_PROXY_REAL_INFERENCE="0"
    )
    appliance.wait_until_started()
    with appliance.client() as client:
        health = client.get("/health").json()
        answer = client.post("/api/generate", json={"model": MODEL, "prompt": "x"})

    assert health["status"] == "degraded"
    assert "echo" in health["problems"][0]
    assert answer.headers["X-NPU-Proxy-Device"] == "ECHO"
    assert "echo" in answer.text


def test_metrics_have_the_originals_names_types_and_labels(client: httpx.Client) -> None:
    client.post(
        "/api/generate", json={"model": MODEL, "prompt": "x", "options": {"num_predict": 3}}
    )

    answer = client.get("/metrics")

    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    for name, (kind, labels) in ORIGINAL_METRICS.items():
        assert families[name].type == kind
        assert any(labels <= set(sample.labels) for sample in families[name].samples), name
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert any(name.startswith("django_") for name in families)


def test_requests_are_counted_by_route_never_by_what_clients_typed(client: httpx.Client) -> None:
    client.get("/api/made-up-path")
    client.get("/v1/models/made-up-model")

    text = client.get("/metrics").text

    assert "made-up" not in text
    assert 'npu_proxy_requests_total{endpoint="unmatched",status="404"}' in text
    assert 'npu_proxy_requests_total{endpoint="/v1/models/{model_id}",status="404"}' in text


def test_health_answers_at_once_while_streams_run(client: httpx.Client) -> None:
    """The bound here is for a busy test machine; the benchmark holds the real one."""
    body = {
        "model": MODEL,
        "prompt": "Go",
        "raw": True,
        "options": {"num_predict": 150, "ignore_eos": True},
    }
    streams = [
        threading.Thread(target=client.post, args=("/api/generate",), kwargs={"json": body})
        for _ in range(8)
    ]
    for stream in streams:
        stream.start()
    times = []
    while any(stream.is_alive() for stream in streams):
        began = time.perf_counter()
        assert client.get("/health").status_code == 200
        times.append(time.perf_counter() - began)
        time.sleep(0.02)

    assert len(times) > 10
    assert sorted(times)[len(times) // 2] < 0.05
