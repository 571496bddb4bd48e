"""The headers that every answer carries, and those of inference answers."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance

REQUEST_ID = re.compile(r"req_[0-9a-f]{24}")
USER = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/api/version"),
        ("GET", "/api/nothing"),
        ("POST", "/api/chat"),
        ("POST", "/api/chat/"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/none"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("OPTIONS", "/api/chat"),
    ],
)
def test_every_answer_has_an_id_of_its_own(client: httpx.Client, method: str, path: str) -> None:
    ids = {client.request(method, path).headers["X-Request-ID"] for _ in "12"}

    assert len(ids) == 2
    assert all(REQUEST_ID.fullmatch(one) for one in ids)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": USER, "options": {"num_predict": 2}}),
        ("/api/chat", {"messages": USER, "options": {"num_predict": 2}, "stream": False}),
        ("/api/generate", {"prompt": "hi", "options": {"num_predict": 2}}),
        ("/v1/chat/completions", {"messages": USER, "max_tokens": 2}),
        ("/v1/chat/completions", {"messages": USER, "max_tokens": 2, "stream": True}),
        ("/v1/chat/completions", {"messages": USER, "max_tokens": 2, "n": 2}),
        ("/v1/messages", {"messages": USER, "max_tokens": 2}),
        ("/v1/messages?beta=true", {"messages": USER, "max_tokens": 2, "stream": True}),
    ],
)
def test_inference_answers_say_where_they_ran(
    client: httpx.Client, path: str, body: dict[str, object]
) -> None:
    headers = client.post(path, json={"model": MODEL, **body}).headers

    assert headers["X-NPU-Proxy-Device"] == "CPU"
    assert headers["X-NPU-Proxy-Routed-Device"] == "CPU"
    assert headers["X-NPU-Proxy-Execution-Device"] == "CPU"
    assert headers["X-NPU-Proxy-Route-Reason"] == "preferred_device"
    assert int(headers["X-NPU-Proxy-Token-Count"]) > 0
    assert "X-NPU-Proxy-Fallback-Reason" not in headers
    assert "X-NPU-Proxy-Emulated" not in headers


def test_the_three_way_rule_shows_in_the_headers(server: Appliance) -> None:
    """With the emulated NPU: short prompts go there, long ones to the next device, and those over
    every limit are refused with the numbers."""

    def ask(words: int) -> httpx.Response:
        messages = [{"role": "user", "content": "word " * words}]
        body = {"model": MODEL, "messages": messages, "max_tokens": 2}
        with server.client() as client:
            return client.post("/v1/chat/completions", json=body)

    with server.client() as client:  # while the NPU loads the next device would serve
        client.post("/api/generate", json={"model": MODEL})
    with server.client() as client:  # while the NPU's engine loads, another would answer
        client.post("/api/generate", json={"model": f"{MODEL}@npu"})
    short, long, longest = ask(20), ask(1900), ask(9000)

    assert short.headers["X-NPU-Proxy-Device"] == "NPU"
    assert short.headers["X-NPU-Proxy-Emulated"] == "1"
    assert short.headers["X-NPU-Proxy-Route-Reason"] == "within_token_limit"
    assert long.headers["X-NPU-Proxy-Device"] == "CPU"
    assert long.headers["X-NPU-Proxy-Route-Reason"] == "over_token_limit"
    assert int(long.headers["X-NPU-Proxy-Token-Count"]) > 1900
    assert longest.status_code == 400
    assert "8192" in longest.json()["error"]["message"]


def test_the_id_is_the_one_in_the_request_log(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/chat/completions", json={"model": MODEL, "messages": USER, "max_tokens": 1}
    )

    assert answer.json()["id"] == "chatcmpl-" + answer.headers["X-Request-ID"].removeprefix("req_")
