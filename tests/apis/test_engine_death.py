"""An engine that dies under a request: a clean error, one line, and the next request works."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apis.conftest import MODEL, log_lines
from tests.appliance_process import Appliance, copy_home, polls

LONG = {"num_predict": 3000, "ignore_eos": True}


def kill_engines(appliance: Appliance) -> None:
    for child in appliance.children():
        child.kill()


@pytest.fixture(scope="module")
def appliance(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A server of this module's own: its engines are killed."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("dying") / "home")
    running = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    running.wait_until_started()
    yield running
    running.stop()


def test_every_stream_ends_with_its_familys_error(appliance: Appliance) -> None:
    messages = [{"role": "user", "content": "Tell a long story."}]
    bodies = {
        "/api/chat": {"model": MODEL, "messages": messages, "options": LONG},
        "/api/generate": {"model": MODEL, "prompt": "x", "options": LONG},
        "/v1/chat/completions": {
            "model": MODEL,
            "messages": messages,
            "stream": True,
            "max_tokens": 3000,
            "ignore_eos": True,
        },
    }

    for path, body in bodies.items():
        with appliance.client() as client, client.stream("POST", path, json=body) as stream:
            assert stream.status_code == 200
            lines = stream.iter_lines()
            next(lines)
            kill_engines(appliance)
            rest = [line for line in lines if line]
        last = json.loads(rest[-1].removeprefix("data: "))
        assert set(last) == {"error"}, last
        assert not any('"done":true' in line or "[DONE]" in line for line in rest)
        told = log_lines(appliance, stream.headers["X-Request-ID"])
        assert len(told) == 1, told

    assert_works(appliance)


def test_an_answer_that_is_not_streamed_is_500(appliance: Appliance) -> None:
    assert_works(appliance)
    answers: list[httpx.Response] = []

    def ask() -> None:
        with appliance.client() as client:
            body = {"model": MODEL, "prompt": "x", "stream": False, "options": LONG}
            answers.append(client.post("/api/generate", json=body))

    asking = threading.Thread(target=ask)
    asking.start()
    with appliance.client() as client:
        assert any(client.get("/health").json()["running_requests"] for _ in polls(10))
    time.sleep(0.5)
    kill_engines(appliance)
    asking.join(20)

    (answer,) = answers
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("model runner has unexpectedly stopped")
    assert_works(appliance)


def assert_works(appliance: Appliance) -> None:
    with appliance.client() as client:
        body = {"model": MODEL, "prompt": "x", "stream": False, "options": {"num_predict": 2}}
        assert client.post("/api/generate", json=body).json()["eval_count"] == 2
