"""A client that leaves, at any point, frees the engine at once and leaves one line in the log."""

from __future__ import annotations

import json
import re
import socket
import struct
import sys

import httpx
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, polls

SHORT = {"prompt": "Hi", "stream": False, "options": {"num_predict": 2}}
LONG = "Write a very long story about a dragon."


def request_bytes(path: str, body: dict[str, object]) -> bytes:
    content = json.dumps({"model": MODEL, **body}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def chat(*, stream: bool, tokens: int = 4000) -> bytes:
    messages = [{"role": "user", "content": LONG}]
    options = {"num_predict": tokens, "ignore_eos": True}
    return request_bytes("/api/chat", {"messages": messages, "stream": stream, "options": options})


def openai_chat(*, stream: bool, tokens: int = 4000) -> bytes:
    messages = [{"role": "user", "content": LONG}]
    body = {"messages": messages, "stream": stream, "max_tokens": tokens, "ignore_eos": True}
    return request_bytes("/v1/chat/completions", body)


def running(client: httpx.Client) -> int:
    health = client.get("/health").json()
    return int(health["running_requests"] + health["queued_requests"])


def tokens_so_far(client: httpx.Client) -> int:
    """Of the request under way; 0 when none is."""
    newest = client.get("/api/npu/requests?limit=1").json()["requests"][0]
    return int(newest["tokens"]["completion"]) if newest["state"] == "running" else 0


def close(connection: socket.socket) -> None:
    connection.close()


def reset(connection: socket.socket) -> None:
    linger = "hh" if sys.platform == "win32" else "ii"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(linger, 1, 0))
    connection.close()


def half_close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


@pytest.fixture(autouse=True)
def _loaded(client: httpx.Client) -> None:
    """The model is loaded and nothing runs."""
    client.post("/api/generate", json={"model": MODEL})
    assert any(running(client) == 0 for _ in polls(20))


@pytest.mark.parametrize("leave", [close, reset, half_close], ids=lambda leave: leave.__name__)
@pytest.mark.parametrize("request_of", [chat, openai_chat], ids=lambda one: one.__name__)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_leaving_midway_stops_the_engine(
    api: Appliance, client: httpx.Client, request_of: object, stream: bool, leave: object
) -> None:
    connection = socket.create_connection(("127.0.0.1", api.port), timeout=20)
    connection.sendall(request_of(stream=stream))  # type: ignore[operator]
    assert any(running(client) == 1 for _ in polls(10, pause=0.02))
    if stream:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    else:
        assert any(tokens_so_far(client) > 5 for _ in polls(10, pause=0.02))
    seen = len(api.lines)

    leave(connection)  # type: ignore[operator]

    assert any(running(client) == 0 for _ in polls(2, pause=0.01))
    assert any(len(api.lines) > seen for _ in polls(1, pause=0.02))
    (line,) = api.lines[seen:]
    assert re.search(r"req_[0-9a-f]{24} POST \S+: the client went away", line)
    connection.close()


def test_leaving_before_the_first_token_stops_it_too(api: Appliance, client: httpx.Client) -> None:
    """While a long prompt is read; the answer's headers are not out yet."""
    prompt = "word " * 6000
    body = {"messages": [{"role": "user", "content": prompt}], "options": {"num_predict": 500}}
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        connection.sendall(request_bytes("/api/chat", body))
        assert any(running(client) == 1 for _ in polls(10, pause=0.01))

    assert any(running(client) == 0 for _ in polls(5, pause=0.02))


def test_leaving_while_sending_the_request_leaves_one_line_and_nothing_else(
    api: Appliance, client: httpx.Client
) -> None:
    line = re.compile(r"req_[0-9a-f]{24} the connection ended before its request was complete")

    def count() -> int:
        return sum(line.search(written) is not None for written in api.lines)

    whole, before = chat(stream=True), count()
    for cut in (10, 60, len(whole) - 5):  # the first is no request yet
        with socket.create_connection(("127.0.0.1", api.port)) as connection:
            connection.sendall(whole[:cut])

    assert any(count() == before + 2 for _ in polls(2, pause=0.02))
    assert running(client) == 0


def test_others_go_on_while_clients_leave(api: Appliance, client: httpx.Client) -> None:
    body = {"model": MODEL, "prompt": "One, two,", "raw": True, "stream": False}
    options = {"num_predict": 60, "temperature": 0, "ignore_eos": True}
    leavers = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(4)]
    for leaver in leavers:
        leaver.sendall(chat(stream=True))
    for leaver in leavers:
        leaver.recv(1000)
        leaver.close()

    answer = client.post("/api/generate", json={**body, "options": options}).json()

    assert answer["eval_count"] == 60
    assert any(running(client) == 0 for _ in polls(5, pause=0.05))


@pytest.mark.parametrize("request_of", [chat, openai_chat], ids=lambda one: one.__name__)
def test_leaving_frees_the_npu_for_the_next(server: Appliance, request_of: object) -> None:
    """It serves one request at a time: were it still busy, the next device would serve."""
    with server.client() as client:
        client.post("/api/generate", json={"model": MODEL})
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                connection.sendall(request_of(stream=True, tokens=1500))  # type: ignore[operator]
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert any(running(client) == 0 for _ in polls(10, pause=0.05))
        answer = client.post("/api/generate", json={**SHORT, "model": MODEL})

        assert answer.headers["X-NPU-Proxy-Device"] == "NPU"


def test_clients_that_left_are_counted_as_499(api: Appliance, client: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        connection.sendall(chat(stream=True))
        connection.recv(1000)
    assert any(running(client) == 0 for _ in polls(5, pause=0.05))

    assert (
        'npu_proxy_requests_total{endpoint="/api/chat",status="499"}' in client.get("/metrics").text
    )
