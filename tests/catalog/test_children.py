"""Children end when they should: by themselves, when stopped, late, crashed, or orphaned."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from inference.catalog.children import TookTooLong, run_child
from inference.catalog.errors import Stopped
from inference.catalog.stopping import Stop

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module named `child_module` that a child can run; the test writes it."""
    return tmp_path / "child_module.py"


def run(module: Path, code: str, *, stop: Stop | None = None, seconds: float = 20.0) -> list[str]:
    module.write_text(code)
    lines: list[str] = []
    ended = run_child(
        "child_module",
        ["one", "two"],
        stop=stop or Stop(),
        timeout_seconds=seconds,
        on_line=lines.append,
        python_path=(module.parent,),
    )
    return [*lines, f"code {ended.code}", f"crashed {ended.crashed}", *ended.last_words]


def test_a_child_gets_its_arguments_and_is_heard(module: Path) -> None:
    code = "import sys; print(sys.argv[1:]); print('ü'); print('why', file=sys.stderr); sys.exit(4)"
    assert run(module, code) == ["['one', 'two']", "ü", "code 4", "crashed False", "why"]


def test_a_child_that_crashes_is_told_from_one_that_fails(module: Path) -> None:
    assert "crashed True" in run(module, "import faulthandler; faulthandler._sigsegv()")


def test_a_child_that_hangs_is_ended_when_its_time_is_up(module: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(TookTooLong):
        run(module, "import time; time.sleep(60)", seconds=1.0)
    assert time.monotonic() - begun < 5


def test_a_stop_ends_the_child_at_once(module: Path, tmp_path: Path) -> None:
    stop = Stop()
    note = tmp_path / "pid"
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"

    def set_when_running() -> None:
        while not (note.exists() and note.read_text()):
            time.sleep(0.01)
        stop.set()

    threading.Thread(target=set_when_running).start()
    with pytest.raises(Stopped):
        run(module, code, stop=stop)
    assert not psutil.pid_exists(int(note.read_text()))


def test_a_child_does_not_outlive_a_server_that_was_killed(module: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    module.write_text(
        f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    server_code = (
        "from pathlib import Path; from inference.catalog.children import run_child;"
        "from inference.catalog.stopping import Stop;"
        "run_child('child_module', [], stop=Stop(), timeout_seconds=60,"
        f" python_path=(Path({str(tmp_path)!r}),))"
    )
    server = subprocess.Popen([sys.executable, "-c", server_code], cwd=ROOT)
    while not (note.exists() and note.read_text()):
        time.sleep(0.02)
    server.kill()
    server.wait()
    child = int(note.read_text())
    deadline = time.monotonic() + 5
    while _is_alive(child):
        assert time.monotonic() < deadline, "the child outlived its server"
        time.sleep(0.05)


def _is_alive(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
