"""The calibrate command: by itself, and through the server that has the data folder."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.appliance_process import ROOT, STARTER, copy_home, environment
from tests.npuconsole.server_stand_in import ServerStandIn, busy_folder


def calibrate(
    home: Path, *arguments: str, by: tuple[str, ...] = ("manage.py",), **variables: str
) -> subprocess.CompletedProcess[str]:
    variables = {"NPU_PROXY_PORT": "", "COLUMNS": "200", "TERM": "dumb", **variables}
    return subprocess.run(
        [sys.executable, *by, "calibrate", *arguments],
        cwd=ROOT,
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def home(starter_home: Path, tmp_path: Path) -> Path:
    """A data folder with the starter, in which the CPU takes short prompts only."""
    home = copy_home(starter_home, tmp_path / "home")
    with closing(sqlite3.connect(home / "npuconsole.sqlite3")) as database, database:
        database.execute("UPDATE inference_devicepolicy SET max_prompt_len = 64")
    return home


def test_it_measures_by_itself_and_prints_json(home: Path) -> None:
    done = calibrate(home, STARTER, "--device", "CPU", "--json")

    assert done.returncode == 0, done.stderr
    (passport,) = json.loads(done.stdout)["passports"]
    assert (passport["model"], passport["device"], passport["status"]) == (
        STARTER,
        "CPU",
        "verified",
    )
    assert passport["verified_prompt_tokens"] == 64
    assert [bucket["prompt_tokens"] for bucket in passport["buckets"]] == [32, 64]
    assert f"{STARTER} on CPU: prompts of 64 tokens" in done.stderr
    with closing(sqlite3.connect(home / "npuconsole.sqlite3")) as database:
        rows = database.execute("SELECT status FROM inference_passport").fetchall()
    assert rows == [("verified",)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-model"], "model 'no-such-model' not found"),
        (["--device", "NPU"], "NPU is not there"),
    ],
)
def test_what_cannot_be_measured_is_one_line(home: Path, arguments: list[str], words: str) -> None:
    done = calibrate(home, *arguments)

    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_second_one_on_the_same_folder_is_refused(home: Path) -> None:
    with FileLock(home / "lock"):
        done = calibrate(home)

    assert done.returncode == 1
    assert "already uses the data folder" in done.stderr


BUCKET = {
    "prompt_tokens": 1024,
    "agreed_tokens": 12,
    "compared_tokens": 32,
    "is_verified": False,
    "ttft_seconds": 0.75,
    "decode_tokens_per_second": 31.25,
}
PASSPORT = {
    "model": "big:8b",
    "device": "NPU",
    "emulated": True,
    "status": "failed",
    "reason": "its answers to 1,024 tokens are not the CPU's",
    "verified_prompt_tokens": 512,
    "cold_load_seconds": 93.5,
    "warm_load_seconds": 7.0,
    "memory_bytes": 5_000_000_000,
    "is_stale": False,
    "buckets": [BUCKET],
}


class StandIn(ServerStandIn):
    """Stands in for the server where a calibration of its own would take minutes: it answers as
    /api/npu/calibrate does."""

    bodies: list[Any] = []
    last: dict[str, Any] = {}

    def post(self, path: str, body: Any) -> Iterable[Any]:
        type(self).bodies.append((path, body))
        return {"status": "loading on NPU again", "model": "big:8b", "device": "NPU"}, self.last


@pytest.fixture
def busy_home(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose lock a server holds that says where it listens."""
    StandIn.bodies = []
    StandIn.last = {"status": "success", "passports": [PASSPORT]}
    with busy_folder(tmp_path / "busy", StandIn) as home:
        yield home


@pytest.mark.parametrize("by", [("manage.py",), ("-m", "npuconsole")])
def test_a_running_server_is_asked_to_measure(busy_home: Path, by: tuple[str, ...]) -> None:
    done = calibrate(busy_home, "big:8b", "--device", "npu", by=by)

    assert done.returncode == 0, done.stderr
    assert StandIn.bodies == [("/api/npu/calibrate", {"model": "big:8b", "device": "npu"})]
    assert "big:8b on NPU: loading on NPU again" in done.stderr
    for words in ("NPU (emulated)", "failed", "512 tokens", "93.5 s", "7.0 s", "5,000 MB"):
        assert words in done.stdout
    for words in ("1,024 tokens", "750 ms", "31.2 tok/s", "12 of 32: no", "are not the CPU's"):
        assert words in done.stdout
    assert (busy_home / "server.json").exists(), "the server's note must stay"


def test_what_the_server_refuses_is_one_line(busy_home: Path) -> None:
    StandIn.last = {"error": "there is no device TPU"}

    done = calibrate(busy_home, "--device", "TPU", by=("-m", "npuconsole"))

    assert done.returncode == 1
    assert "there is no device TPU" in done.stderr.splitlines()[-1]
