"""An engine that dies under a request: its stream goes on; if none can, a clean error."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apis.conftest import MODEL, log_lines
from tests.apis.responses_wire import events_of
from tests.appliance_process import Appliance, copy_home, polls

LONG = {"num_predict": 160, "ignore_eos": True, "temperature": 0}
MESSAGES = [{"role": "user", "content": "Tell a long story."}]
BODIES = {
    "/api/chat": {"model": MODEL, "messages": MESSAGES, "options": LONG},
    "/api/generate": {"model": MODEL, "prompt": "x", "options": LONG},
    "/v1/chat/completions": {
        "model": MODEL,
        "messages": MESSAGES,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 160,
        "temperature": 0,
        "ignore_eos": True,
    },
}


def kill_engines(appliance: Appliance) -> None:
    for child in appliance.children():
        child.kill()


@pytest.fixture
def appliance(starter_home: Path, tmp_path: Path) -> Iterator[Appliance]:
    """A server of one test's own: its engines are killed, its model is spoiled."""
    home = copy_home(starter_home, tmp_path / "home")
    running = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    running.wait_until_started()
    yield running
    running.stop()


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_goes_on_when_its_engine_dies(appliance: Appliance, path: str) -> None:
    with appliance.client() as client, client.stream("POST", path, json=BODIES[path]) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        first = [next(lines) for _ in range(10)]
        kill_engines(appliance)
        frames = [
            json.loads(line.removeprefix("data: ")) for line in [*first, *lines] if "{" in line
        ]

    assert not any("error" in frame for frame in frames)
    counts = [
        f.get("eval_count") or (f.get("usage") or {}).get("completion_tokens") for f in frames
    ]
    assert [count for count in counts if count] == [160]


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_that_no_engine_can_continue_ends_with_its_familys_error(
    appliance: Appliance, path: str
) -> None:
    with appliance.client() as client, client.stream("POST", path, json=BODIES[path]) as stream:
        lines = stream.iter_lines()
        next(lines)
        shutil.rmtree(appliance.home / "models" / "installed")
        kill_engines(appliance)
        rest = [line for line in lines if line]

    last = json.loads(rest[-1].removeprefix("data: "))
    assert set(last) == {"error"}, last
    assert not any('"done":true' in line or "[DONE]" in line for line in rest)
    request_id = stream.headers["X-Request-ID"]
    assert any(
        any("failed midway" in line for line in log_lines(appliance, request_id))
        for _ in polls(3.0)
    )


def test_a_response_that_no_engine_can_continue_is_failed_with_what_there_is(
    appliance: Appliance,
) -> None:
    body = {"model": MODEL, "input": "x", "stream": True, "ignore_eos": True, "temperature": 0}
    with appliance.client() as client, client.stream("POST", "/v1/responses", json=body) as stream:
        pieces = stream.iter_text()
        text = next(pieces)
        shutil.rmtree(appliance.home / "models" / "installed")
        kill_engines(appliance)
        text += "".join(pieces)

    last = events_of(text)[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"]["code"] == "server_error"
    assert last["response"]["output"][0]["content"][0]["text"]


def test_an_answer_that_is_not_streamed_is_finished_too(appliance: Appliance) -> None:
    answers: list[httpx.Response] = []

    def ask() -> None:
        with appliance.client() as client:
            body = {**BODIES["/api/generate"], "stream": False}
            answers.append(client.post("/api/generate", json=body))

    asking = threading.Thread(target=ask)
    asking.start()
    with appliance.client() as client:
        assert any(client.get("/health").json()["tokens_per_second"] for _ in polls(20))
    kill_engines(appliance)
    asking.join()

    (answer,) = answers
    assert answer.json()["eval_count"] == 160
