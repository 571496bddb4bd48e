"""A reader that stops reading costs bounded memory, then its connection, and nobody else."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from tests.appliance_process import ROOT, polls

MEGABYTE = 2**20
STALL_SECONDS = 2.0


@dataclass(frozen=True)
class FloodServer:
    """The running script of flood_server."""

    process: psutil.Process
    port: int

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return bytes(answer.read())

    def stats(self) -> dict[str, int]:
        return dict(json.loads(self.get("/stats")))

    def megabytes(self) -> float:
        return self.process.memory_info().rss / MEGABYTE

    def flood(self) -> socket.socket:
        """A connection that asks for the flood; what it reads is up to the caller."""
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        reader.connect(("127.0.0.1", self.port))
        reader.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return reader


def wait_until_held(server: FloodServer) -> int:
    """Wait until nothing more is taken from the application; how many bytes were."""
    seen = -1
    for _ in polls(10, pause=0.3):
        sent = server.stats()["sent_bytes"]
        if sent == seen > 0:
            return sent
        seen = sent
    raise AssertionError(f"the application still sends, {seen} bytes so far")


@contextmanager
def flood_server(mode: str, stall_seconds: float = STALL_SECONDS) -> Iterator[FloodServer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.apis.flood_server", mode, str(stall_seconds)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        pid, port = process.stdout.readline().split()
        yield FloodServer(psutil.Process(int(pid)), int(port))
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def server() -> Iterator[FloodServer]:
    with flood_server("bounded") as running:
        yield running


@pytest.fixture
def patient() -> Iterator[FloodServer]:
    """Cuts no reader off while a test lasts."""
    with flood_server("bounded", stall_seconds=300) as running:
        yield running


def test_without_the_bounds_a_stalled_reader_fills_the_memory() -> None:
    """What the bounds are for; if daphne learns it by itself, they can go."""
    with flood_server("unbounded") as server:
        before = server.megabytes()
        with server.flood():
            assert any(server.megabytes() > before + 5 for _ in polls(20))


def test_a_stalled_reader_stops_its_stream_and_the_memory_stays(patient: FloodServer) -> None:
    before = patient.megabytes()
    with patient.flood():
        assert wait_until_held(patient) < MEGABYTE
        assert patient.megabytes() < before + 3


def test_others_are_answered_while_readers_stall(patient: FloodServer) -> None:
    readers = [patient.flood() for _ in range(20)]
    wait_until_held(patient)

    assert all(patient.get("/ping") == b"pong" for _ in range(30))
    for reader in readers:
        reader.close()


def test_a_reader_that_stalls_too_long_is_cut_and_its_application_cancelled(
    server: FloodServer,
) -> None:
    with server.flood():
        assert any(server.stats()["cancelled"] == 1 for _ in polls(STALL_SECONDS + 5))


def test_a_slow_reader_is_not_cut(server: FloodServer) -> None:
    """It takes long for one buffer, but it goes on taking."""
    with server.flood() as reader:
        end = time.monotonic() + 3 * STALL_SECONDS
        while time.monotonic() < end:
            assert reader.recv(4096)
            time.sleep(0.05)  # slow is what it is

        assert server.stats()["cancelled"] == 0


def test_a_reader_that_goes_on_gets_everything(patient: FloodServer) -> None:
    with patient.flood() as reader:
        wait_until_held(patient)
        got = b""
        while len(got) < 3 * MEGABYTE:
            piece = reader.recv(65536)
            assert piece, "the stream goes on"
            got += piece

    assert got.count(b"HTTP/1.1 200") == 1
    body = got.partition(b"\r\n\r\n")[2]
    lines = [line for line in body.split(b"\r\n") if line.startswith(b"{")]
    assert all(json.loads(line) for line in lines[:-1])


def test_a_client_that_leaves_cancels_its_application_at_once(server: FloodServer) -> None:
    reader = server.flood()
    reader.recv(1024)
    reader.close()

    assert any(server.stats()["cancelled"] == 1 for _ in polls(2, pause=0.02))


def test_a_client_that_leaves_while_its_stream_waits_cancels_its_application(
    patient: FloodServer,
) -> None:
    reader = patient.flood()
    wait_until_held(patient)
    linger = "hh" if sys.platform == "win32" else "ii"
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(linger, 1, 0))  # reset
    reader.close()

    assert any(patient.stats()["cancelled"] == 1 for _ in polls(2, pause=0.02))
