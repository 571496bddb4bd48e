"""Bytes that no HTTP library would send."""

from __future__ import annotations

import socket

import pytest

from tests.appliance_process import Appliance


def raw_answer(api: Appliance, request: bytes) -> bytes:
    """What the server says to bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def test_a_body_shorter_than_it_says_leaves_nothing_behind(api: Appliance) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(
            b'POST /api/chat HTTP/1.1\r\nHost: x.localhost\r\nContent-Length: 999\r\n\r\n{"model"'
        )
    with api.client() as client:
        assert client.get("/health").json()["running_requests"] == 0


def test_a_body_longer_than_it_says_is_cut_there(api: Appliance) -> None:
    body = b'{"model":"x"}'
    head = b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)

    answer = raw_answer(api, head + body + b"rubbish that is no request\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/version HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
        b"GET /api/version HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET /api/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/version?\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    ],
)
def test_broken_http_is_400(api: Appliance, request_bytes: bytes) -> None:
    assert raw_answer(api, request_bytes).startswith(b"HTTP/1.1 400")


def test_an_old_http_client_is_served(api: Appliance) -> None:
    answer = raw_answer(api, b"GET /api/version HTTP/1.0\r\n\r\n")

    assert answer.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))
