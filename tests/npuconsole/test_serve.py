"""The life of the server: start, ready, stop, and what it leaves behind."""

from __future__ import annotations

import signal
import socket
import sqlite3
import stat
import sys
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from tests.appliance_process import Appliance, copy_home, polls, spawn
from tests.conftest import StartAppliance

RSS_LIMIT = 200_000_000
MODEL = "smollm2:135m"


def test_a_second_start_answers_health_and_stays_below_200_megabytes(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path
) -> None:
    home = copy_home(starter_home, tmp_path / "home")

    appliance = start_appliance(home)
    with appliance.client() as client:
        assert client.get("/health").status_code == 200

    appliance.wait_until_started()
    assert psutil.Process(appliance.process.pid).memory_info().rss < RSS_LIMIT


def test_makes_the_data_folder_with_rows_for_three_devices(
    start_appliance: StartAppliance, tmp_path: Path
) -> None:
    home = tmp_path / "new" / "home"

    with start_appliance(home).client() as client:
        for _ in polls(20):
            devices = client.get("/health/devices").json()["devices"]
            if any(device["present"] for device in devices):
                break

    with sqlite3.connect(home / "npuconsole.sqlite3") as connection:
        rows = connection.execute(
            "SELECT name, present, absent_reason FROM inference_device ORDER BY name"
        ).fetchall()
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    assert [name for name, _, _ in rows] == ["CPU", "GPU", "NPU"]
    assert all(present or reason.startswith("Not found") for _, present, reason in rows)
    assert journal == "wal"


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(
    start_appliance: StartAppliance, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    start_appliance(home).stop()
    first = (home / "secret_key").read_text()
    start_appliance(home).stop()

    assert len(first) >= 50
    assert (home / "secret_key").read_text() == first
    if sys.platform != "win32":
        assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600


def test_listens_on_an_ipv6_address(start_appliance: StartAppliance) -> None:
    appliance = start_appliance(NPU_PROXY_HOST="::1")

    assert appliance.url.startswith("http://[::1]:")
    with appliance.client() as client:
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_it_cleanly_with_no_process_left(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path, name: str
) -> None:
    """With an engine loaded and a stream open, which is the case that matters."""
    appliance = start_appliance(copy_home(starter_home, tmp_path / "home"))
    appliance.wait_until_started()
    first_frame = threading.Event()
    ended = threading.Event()

    def stream() -> None:
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": "Tell a very long story."}],
            "options": {"num_predict": 3000, "ignore_eos": True},
        }
        try:
            with appliance.client() as client, client.stream("POST", "/api/chat", json=body) as got:
                for _ in got.iter_lines():
                    first_frame.set()
        except httpx.HTTPError:
            pass
        ended.set()

    threading.Thread(target=stream, daemon=True).start()
    assert first_frame.wait(60), appliance.output
    children = appliance.children()
    assert children, "the engine is a process"

    appliance.process.send_signal(getattr(signal, name))

    assert appliance.process.wait(20) == 0
    assert ended.wait(20), "the client's stream ended too"
    psutil.wait_procs(children, timeout=20)
    assert not [child for child in children if child.is_running()]
    assert "Traceback" not in appliance.output


def test_it_stops_within_five_seconds_while_many_connections_are_open(
    start_appliance: StartAppliance,
) -> None:
    appliance = start_appliance()
    idle = [socket.create_connection(("127.0.0.1", appliance.port)) for _ in range(50)]
    half_sent = socket.create_connection(("127.0.0.1", appliance.port))
    half_sent.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    with appliance.client() as client:
        client.get("/health")

        assert appliance.stop(seconds=5) == 0

    for connection in (*idle, half_sent):
        connection.close()


def test_a_stop_in_the_middle_of_the_start_leaves_no_process(tmp_path: Path) -> None:
    process = spawn(tmp_path / "home")
    parent = psutil.Process(process.pid)
    for _ in polls(20, pause=0.02):
        if parent.children(recursive=True):  # the device probe
            break
    children = parent.children(recursive=True)

    process.terminate()

    process.communicate(timeout=10)
    psutil.wait_procs(children, timeout=2)
    assert not [child for child in children if child.is_running()]


def test_a_second_instance_on_the_same_data_folder_is_one_clear_line(
    start_appliance: StartAppliance, tmp_path: Path
) -> None:
    appliance = start_appliance(tmp_path / "home")

    second = spawn(tmp_path / "home")
    output, _ = second.communicate(timeout=20)

    assert second.returncode == 1
    (line,) = output.splitlines()
    words = f"Another npuconsole ({appliance.url}) already uses the data folder {tmp_path / 'home'}"
    assert line == f"npuconsole: {words}"


def test_the_data_folder_is_free_again_after_a_crash(
    start_appliance: StartAppliance, tmp_path: Path
) -> None:
    crashed: Appliance = start_appliance(tmp_path / "home")
    crashed.process.kill()
    crashed.process.wait()

    with start_appliance(tmp_path / "home").client() as client:
        assert client.get("/health").status_code == 200


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = spawn(tmp_path / "home", NPU_PROXY_PORT=str(port))
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    # On a slow machine the preparations say before what they do, and how long they took.
    told = [line for line in output.splitlines() if " took " not in line]
    (line,) = [line for line in told if not line.endswith(" ...")]
    words = (
        f"Port {port} on 127.0.0.1 is in use by another program; NPU_PROXY_PORT can name another"
    )
    assert line == f"npuconsole: {words}"


def test_an_unknown_variable_that_looks_like_ours_is_warned_of(
    start_appliance: StartAppliance,
) -> None:
    appliance = start_appliance(NPU_PROXY_TOKEN_LIMITS="5")

    appliance.stop()
    assert "NPU_PROXY_TOKEN_LIMITS is set, but npuconsole knows no such variable" in (
        appliance.output
    )
