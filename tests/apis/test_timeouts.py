"""An engine that gives no token for too long: a clear error, and the place is free again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, change_rows, copy_home

SHORT_PATIENCE = """
for key, seconds in {"first_token_timeout_seconds": 3, "inter_token_timeout_seconds": 3}.items():
    models.Setting.objects.update_or_create(key=key, defaults={"value": seconds})
models.DevicePolicy.objects.update(max_concurrent_requests=2)
"""
OPTIONS = {"num_predict": 2000, "ignore_eos": True}


@pytest.fixture(scope="module")
def impatient(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("impatient") / "home")
    change_rows(home, SHORT_PATIENCE)
    appliance = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    appliance.wait_until_started()
    with appliance.client() as client:
        client.post("/api/generate", json={"model": MODEL})
    yield appliance
    appliance.stop()


@pytest.fixture
def engine(impatient: Appliance) -> Iterator[psutil.Process]:
    """The engine's process; it goes on after the test."""
    (process,) = impatient.children()
    yield process
    process.resume()


def assert_works(appliance: Appliance) -> None:
    with appliance.client() as client:
        body = {"model": MODEL, "prompt": "x", "stream": False, "options": {"num_predict": 2}}
        assert client.post("/api/generate", json=body).json()["eval_count"] == 2
        assert client.get("/health").json()["running_requests"] == 0


def test_no_first_token_in_time_is_504(impatient: Appliance, engine: psutil.Process) -> None:
    engine.suspend()
    body = {"model": MODEL, "prompt": "x", "options": OPTIONS}
    with impatient.client() as client:
        answer = client.post("/api/generate", json=body)
    assert answer.status_code == 504
    assert answer.json()["error"] == "no first token came within the allowed 3 s"
    engine.resume()
    assert_works(impatient)


def test_a_stream_that_stands_still_ends_with_an_error(
    impatient: Appliance, engine: psutil.Process
) -> None:
    body = {"model": MODEL, "prompt": "x", "options": OPTIONS}
    with impatient.client() as client, client.stream("POST", "/api/generate", json=body) as stream:
        lines = stream.iter_lines()
        next(lines)
        engine.suspend()
        last = json.loads(list(lines)[-1])
    assert last == {"error": "no token came for the allowed 3 s"}
    engine.resume()
    assert_works(impatient)
