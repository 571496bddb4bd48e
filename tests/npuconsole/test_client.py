"""The command line's HTTP, against servers that do not keep to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from npuconsole import client

HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LINE = '{"status": "pulling"}\n'
SetVariable = Callable[[str, str], None]


def answer_once(set_variable: SetVariable, content: str) -> None:
    """A server that says just that to the first client, and closes."""
    listening = socket.create_server(("127.0.0.1", 0))
    set_variable("NPU_PROXY_PORT", str(listening.getsockname()[1]))

    def serve() -> None:
        with listening, listening.accept()[0] as connection:
            connection.recv(1 << 16)
            connection.sendall(content.encode())

    threading.Thread(target=serve, daemon=True).start()


def test_an_answer_that_breaks_off_is_one_line(environment_variable: SetVariable) -> None:
    answer_once(environment_variable, f"{HEAD}{len(LINE):x}\r\n{LINE}\r\n")
    lines = client.stream("/api/pull", {"model": "a"})

    assert next(lines) == {"status": "pulling"}
    with pytest.raises(client.ServerProblem, match=r"The answer of http://127\.0\.0\.1:\d+ broke"):
        next(lines)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<html/>", "is no npuconsole"),
        ("SSH-2.0-server\r\n", "No npuconsole answers"),
    ],
)
def test_something_else_that_listens_there_is_one_line_too(
    environment_variable: SetVariable, content: str, words: str
) -> None:
    answer_once(environment_variable, content)

    with pytest.raises(client.ServerProblem, match=words):
        client.fetch("/health")
