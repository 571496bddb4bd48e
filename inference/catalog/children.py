"""Child processes for everything that may crash, hang, or need to be stopped in the middle.

Downloads and imports run in children because neither a name lookup in the resolver nor a native
parser can be interrupted in a thread. Called from a job's thread, never on the event loop.
"""

from __future__ import annotations

import contextlib
import json
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


class Child:
    """`python -m module arguments…` in a process of its own, on the leash. Whoever makes one calls
    `end` in every case."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        python_path: Sequence[Path] = (),
    ) -> None:
        self._process = _start(module, arguments, environment or {}, python_path)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last_words: deque[str] = deque(maxlen=_KEPT_LINES)
        self._readers = (
            threading.Thread(target=_forward, args=(self._process, self._lines), daemon=True),
            threading.Thread(target=_keep, args=(self._process, self._last_words), daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def ended(self) -> Ended:
        """How it ended; after `end`."""
        return Ended(self._process.returncode, tuple(self._last_words))

    def order(self, order: Sequence[str]) -> None:
        """Tell it something (`catalog.orders`). Raises OSError when it is not there any more."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(list(order)) + "\n")
        self._process.stdin.flush()

    def hear(
        self,
        *,
        stop: Stop,
        timeout_seconds: float,
        on_line: Callable[[str], bool | None],
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Return when it ends, or `on_line` says True of a line: that was the last one.

        `on_line` gets every line of its standard output, `on_tick` is called about twenty times a
        second; both in the calling thread. What they raise passes. Raises Stopped when `stop` is
        set and TookTooLong after `timeout_seconds`.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            stop.check()
            if time.monotonic() > deadline:
                raise TookTooLong(f"it took longer than {timeout_seconds:.0f} seconds")
            try:
                line = self._lines.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                on_tick()
                continue
            if line is None or on_line(line):
                return

    def wait(self, seconds: float) -> None:
        """Wait for its end. Raises TookTooLong."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TookTooLong("it did not end when it was done") from None

    def end(self) -> None:
        """End it, if it has not ended, and let go of it."""
        self._process.kill()  # does nothing when it has ended
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # a broken pipe is the end we wanted
                    stream.close()
        for reader in self._readers:
            reader.join(1.0)


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

    `on_line` and `on_tick` as in `Child.hear`; what they raise ends the child. Raises Stopped,
    TookTooLong; the child is dead in every case.
    """
    deadline = time.monotonic() + timeout_seconds
    child = Child(module, arguments, environment=environment, python_path=python_path)
    try:
        child.hear(stop=stop, timeout_seconds=timeout_seconds, on_line=on_line, on_tick=on_tick)
        child.wait(max(1.0, deadline - time.monotonic()))
    finally:
        child.end()
    return child.ended


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


def _forward(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None  # it is a pipe
    with contextlib.suppress(ValueError):  # closed by `end`
        for line in process.stdout:
            lines.put(line.rstrip("\r\n"))
    lines.put(None)
    process.wait()  # one that ends by itself is gone without anybody asking


def _keep(process: subprocess.Popen[str], last_words: deque[str]) -> None:
    assert process.stderr is not None  # it is a pipe
    with contextlib.suppress(ValueError):
        for line in process.stderr:
            last_words.append(line.rstrip("\r\n"))
