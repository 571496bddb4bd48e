"""Child processes for everything that may crash, hang, or need to be stopped in the middle.

Downloads and imports run in children because neither a name lookup in the resolver nor a native
parser can be interrupted in a thread. Called from a job's thread, never on the event loop.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import inference
from inference.catalog.errors import PullFailed
from inference.catalog.stopping import Stop

_TICK_SECONDS = 0.05
_KEPT_LINES = 40


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its exit code (negative: killed by that signal) and its last words."""

    code: int
    last_words: tuple[str, ...]

    @property
    def crashed(self) -> bool:
        """Whether the system ended it, and not the child itself (Windows: an exception code)."""
        return self.code < 0 or self.code >= 0x80000000


class TookTooLong(PullFailed):
    """A child was ended because its time was up."""


def run_child(
    module: str,
    arguments: Sequence[str],
    *,
    stop: Stop,
    timeout_seconds: float,
    on_line: Callable[[str], None] = lambda line: None,
    on_tick: Callable[[], None] = lambda: None,
    environment: Mapping[str, str] | None = None,
    python_path: Sequence[Path] = (),
) -> Ended:
    """Run `python -m module arguments…` on the leash and return when it has ended.

    `on_line` gets every line of its standard output, `on_tick` is called about twenty times a
    second; both in the calling thread. What they raise ends the child. Raises Stopped when `stop`
    is set and TookTooLong after `timeout_seconds`; the child is dead in every case.
    """
    process = _start(module, arguments, environment or {}, python_path)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    last_words: deque[str] = deque(maxlen=_KEPT_LINES)
    assert process.stdout is not None  # both are pipes
    assert process.stderr is not None
    readers = (
        threading.Thread(target=_forward, args=(process.stdout, lines), daemon=True),
        threading.Thread(target=_keep, args=(process.stderr, last_words), daemon=True),
    )
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + timeout_seconds
    try:
        ended = False
        while not ended:
            stop.check()
            if time.monotonic() > deadline:
                raise TookTooLong(f"it took longer than {timeout_seconds:.0f} seconds")
            try:
                line = lines.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                on_tick()
                continue
            if line is None:
                ended = True
            else:
                on_line(line)
        process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TookTooLong(f"it took longer than {timeout_seconds:.0f} seconds") from None
    finally:
        _end(process)
        for reader in readers:
            reader.join(1.0)
    return Ended(process.returncode, tuple(last_words))


def _start(
    module: str, arguments: Sequence[str], changes: Mapping[str, str], python_path: Sequence[Path]
) -> subprocess.Popen[str]:
    # -P keeps the working directory off the module path, where anyone could have put a pip.py.
    root = Path(inference.__file__).resolve().parent.parent
    paths = [*(str(path) for path in python_path), str(root), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        **changes,
    }
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "inference.catalog.leash", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        creationflags=flags,
        start_new_session=True,  # Ctrl-C in the terminal is for the server, which then ends us
    )


def _forward(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line.rstrip("\r\n"))
    lines.put(None)


def _keep(stream: IO[str], last_words: deque[str]) -> None:
    for line in stream:
        last_words.append(line.rstrip("\r\n"))


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()  # does nothing when it has ended
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):  # a broken pipe is the end we wanted
                stream.close()
