"""The command line against a real server, and without one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from npuconsole import __version__
from tests.appliance_process import ROOT, STARTER, Appliance, copy_home, environment


def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """One command, with the terminal wide enough for its tables."""
    variables = {"NPU_PROXY_PORT": "", "COLUMNS": "200", "TERM": "dumb", **variables}
    return subprocess.run(
        [sys.executable, "-m", "npuconsole", *arguments],
        cwd=ROOT,
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """A port on which nobody listens, and anybody could."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], ["http://127.0.0.1:", "status: "]),
        (["devices"], ["CPU", "NPU", "emulated", "Not found by OpenVINO"]),
        (["list"], [STARTER, "MB"]),
        (["ps"], ["Name", "Context"]),
        (["doctor"], ["Python", "OpenVINO", "CPU", "Server"]),
        (["version"], [__version__]),
        (["manage", "check"], ["no issues"]),
    ],
)
def test_a_command_finds_the_server_by_its_data_folder(
    server: Appliance, arguments: list[str], words: list[str]
) -> None:
    done = run(server.home, *arguments)

    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout


def test_a_model_answers_in_the_terminal(server: Appliance) -> None:
    done = run(server.home, "run", STARTER, "Say hello.")

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert STARTER in run(server.home, "ps").stdout


def test_the_server_is_found_by_the_variables_too(server: Appliance, tmp_path: Path) -> None:
    done = run(tmp_path, "list", NPU_PROXY_PORT=str(server.port), NPU_PROXY_HOST="0.0.0.0")

    assert STARTER in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["run", "no-such-model", "hello"], "no-such-model"), (["pull", "!!"], "invalid model name")],
)
def test_what_the_server_refuses_is_one_line(
    server: Appliance, arguments: list[str], words: str
) -> None:
    done = run(server.home, *arguments)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("npuconsole: ")
    assert words in line


@pytest.mark.parametrize("command", ["status", "devices", "list", "ps"])
def test_without_a_server_a_command_says_how_to_start_one(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, NPU_PROXY_PORT="9")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No npuconsole answers at http://127.0.0.1:9" in line
    assert "npuconsole serve" in line


def test_an_unusable_variable_is_one_line_here_too(tmp_path: Path) -> None:
    done = run(tmp_path, "status", NPU_PROXY_PORT="many")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "npuconsole: NPU_PROXY_PORT='many' cannot be used; allowed: 0 (any free port) to 65535"
    ]


def test_the_doctor_says_what_must_be_mended(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", NPU_PROXY_PORTS="1")

    assert done.returncode == 1
    assert "NPU_PROXY_PORTS is set, but npuconsole knows no such variable" in done.stdout


def test_without_a_server_the_doctor_mends_the_catalogue_itself(
    starter_home: Path, tmp_path: Path
) -> None:
    home = copy_home(starter_home, tmp_path / "home")
    half = home / "models" / "installed" / "half@latest+int8-000000000000"
    half.mkdir()
    (half / "openvino_model.bin").write_bytes(b"half")

    port = str(free_port())
    found = run(home, "doctor", NPU_PROXY_PORT=port)
    assert found.returncode == 1
    assert "no model has this folder, and it is not whole" in found.stdout

    mended = run(home, "doctor", "--fix", NPU_PROXY_PORT=port)
    assert mended.returncode == 0, mended.stdout
    assert not half.exists()
