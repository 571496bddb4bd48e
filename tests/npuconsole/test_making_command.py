"""The commands that make models of others: by themselves, and through the server that has the data
folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.appliance_process import ROOT, environment
from tests.npuconsole.server_stand_in import ServerStandIn, busy_folder

COMPRESS = ("compress", "tiny", "--to", "npu", "--name", "small", "--force")
FIRST: dict[str, Any] = {"status": "compress tiny:latest to npu as small:latest"}
STEP: dict[str, Any] = {"status": "compressing", "total": 100, "completed": 40}
LAST: dict[str, Any] = {"status": "success"}


class StandIn(ServerStandIn):
    """Stands in for the server, whose jobs take minutes: lists one job, answers with `lines` and,
    with `waits`, does not end until somebody cancels it."""

    lines: tuple[dict[str, Any], ...] = ()
    waits = False
    is_cancelled = threading.Event()
    asked: list[tuple[str, Any]] = []

    def get(self, path: str) -> Iterable[Any]:
        jobs = [
            {"id": 8, "model": "other:latest", "finished_at": None},
            {"id": 7, "model": "small:latest", "finished_at": None},
            {"id": 6, "model": "small:latest", "finished_at": "2026-01-01T00:00:00Z"},
        ]
        return [{"pulls": jobs}]

    def post(self, path: str, body: Any) -> Iterable[Any]:
        self.asked.append((path, body))
        if path.endswith("/cancel"):
            self.is_cancelled.set()
            yield {"id": 7}
            return
        yield from self.lines
        if self.waits:
            self.is_cancelled.wait(60)


@pytest.fixture
def busy_home(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose lock a server holds that says where it listens."""
    StandIn.lines, StandIn.waits, StandIn.asked = (FIRST, STEP, STEP, LAST), False, []
    StandIn.is_cancelled.clear()
    with busy_folder(tmp_path / "busy", StandIn) as home:
        yield home
        StandIn.is_cancelled.set()


def begin(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "npuconsole", *arguments],
        cwd=ROOT,
        env=environment(home, NPU_PROXY_PORT="", COLUMNS="200", TERM="dumb"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(home: Path, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, lines and errors of one command."""
    process = begin(home, *arguments)
    out, errors = process.communicate(timeout=120)
    return process.returncode, [line for line in out.splitlines() if line.strip()], errors


def test_a_running_server_is_asked_and_each_step_is_told_once(busy_home: Path) -> None:
    code, lines, errors = run(busy_home, *COMPRESS)

    assert code == 0, errors
    assert lines == [FIRST["status"], STEP["status"], LAST["status"]]
    body = {"model": "tiny", "to": "npu", "name": "small", "force": True}
    assert StandIn.asked == [("/api/npu/models/compress", body)]
    assert (busy_home / "server.json").exists(), "the server's note must stay"


def test_a_server_that_ends_in_the_middle_is_no_success(busy_home: Path) -> None:
    StandIn.lines = (FIRST, STEP)

    code, lines, errors = run(busy_home, *COMPRESS)

    assert code == 1
    assert lines == [FIRST["status"], STEP["status"]]
    assert "The server stopped before it was done" in errors.splitlines()[-1]
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_cancels_the_job_and_no_other(busy_home: Path) -> None:
    StandIn.lines, StandIn.waits = (FIRST, STEP), True
    process = begin(busy_home, *COMPRESS)
    assert process.stdout is not None
    assert any(STEP["status"] in line for line in process.stdout)

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    assert StandIn.asked[1:] == [("/api/npu/pulls/7/cancel", {})]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compress", "no-such-model", "--to", "npu"), "model 'no-such-model' not found"),
        (("convert", "org/name", "--to", "int9"), "not one of fp16, int8, int4, npu"),
    ],
)
def test_without_a_server_it_is_done_here_and_a_refusal_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, _, errors = run(tmp_path / "home", *arguments)

    assert code == 1
    assert words in errors.splitlines()[-1]
    assert "Traceback" not in errors
