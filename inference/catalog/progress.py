"""How far a pull is: what its watchers see while the job runs in its own thread.

A job tells one `Progress`; any number of watchers read it on the event loop. Milestones are kept
in order, so that whoever joins late sees all of them; between milestones the latest byte count
wins, so that a slow watcher holds up nothing and costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from inference.errors import InferenceError

logger = logging.getLogger(__name__)

_WAKE_SECONDS = 0.06
"""Watchers are woken at most this often by byte counts (Ollama: about every 60 ms)."""


@dataclass(frozen=True, slots=True)
class PullFrame:
    """One line that a client of Ollama's pull sees. `digest` is "" where the line is of no file;
    `total` and `completed` are then 0, or say how far the whole job is, in percent."""

    status: str
    digest: str = ""  # "sha256:" and 64 digits
    total: int = 0
    completed: int = 0


@dataclass(frozen=True, slots=True)
class PullStatus:
    """A job for people: what it does, in words, and how far it is (`fraction`, of all of it)."""

    model_name: str
    source: str = ""
    status: str = "queued"  # PullJob.Status
    step: str = "waiting"
    digest: str = ""  # of the file being fetched, 64 digits
    total_bytes: int = 0
    completed_bytes: int = 0
    fraction: float = 0.0
    error: str = ""
    started_at: float = 0.0  # time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ("done", "failed", "paused", "cancelled")

    @property
    def seconds_left(self) -> int:
        """An estimate of what remains from the pace so far; half a minute without a pace."""
        elapsed = time.monotonic() - self.started_at
        if self.fraction < 0.04 or elapsed < 1.0:
            return 30
        return max(2, min(600, round(elapsed * (1 - self.fraction) / self.fraction)))


class StatusChange(TypedDict, total=False):
    """The fields of PullStatus that a job tells as it goes on."""

    source: str
    status: str
    step: str
    digest: str
    total_bytes: int
    completed_bytes: int
    fraction: float
    error: str


class Progress:
    """Written by the job's thread, read by watchers on `loop`."""

    def __init__(self, model_name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._status = PullStatus(model_name, started_at=time.monotonic())
        self._frames: list[PullFrame] = []
        self._error: InferenceError | None = None
        self._is_over = False
        self._watchers: set[asyncio.Event] = set()
        self._next_wake = 0.0
        self._logged_tenths = 0
        self._span = (0.0, 1.0)
        self.on_status: Callable[[PullStatus], None] = lambda status: None
        """Called in the job's thread after each change."""

    @property
    def status(self) -> PullStatus:
        """The state now, from any thread."""
        return self._status

    @property
    def error(self) -> InferenceError | None:
        """What ended the job, if it failed."""
        return self._error

    def part(self, number: int, of: int) -> None:
        """From now on fractions are of that part of the job (the first is 0), not of all of it."""
        self._span = (number / of, 1 / of)

    def milestone(self, frame: PullFrame, **status: Unpack[StatusChange]) -> None:
        """A new line for the watchers, and what changes in the status with it."""
        self._change(frame, status, is_new=True)

    def advance(self, frame: PullFrame, **status: Unpack[StatusChange]) -> None:
        """The line with that digest again with other numbers; without a digest, the last line."""
        self._change(frame, status, is_new=False)

    def tell(self, **status: Unpack[StatusChange]) -> None:
        """A change that clients have no line for."""
        self._change(None, status, is_new=True)

    def succeed(self) -> None:
        """The last word: watchers get the rest of the lines and end."""
        self._is_over = True
        self._change(None, {"status": "done", "step": "done", "fraction": 1.0}, is_new=True)

    def fail(self, error: InferenceError, step: str, status: str = "failed") -> None:
        """The last word: watchers get the rest of the lines, then `error`."""
        self._error = error
        self._is_over = True
        change: StatusChange = {"status": status, "step": step, "error": error.message}
        self._change(None, change, is_new=True)

    async def watch(self) -> AsyncIterator[PullFrame]:
        """The lines from the first one on; ends with the job, by raising when the job failed.

        A watcher that stops reading, or is cancelled, leaves the job running.
        """
        changed = asyncio.Event()
        self._watchers.add(changed)
        seen: list[PullFrame] = []
        try:
            while True:
                changed.clear()
                is_over = self._is_over  # before the lines: nothing is added once it is set
                with self._lock:
                    frames = list(self._frames)
                for position, frame in enumerate(frames):
                    if position >= len(seen) or seen[position] != frame:
                        yield frame
                seen = frames
                if is_over:
                    break
                await changed.wait()
        finally:
            self._watchers.discard(changed)
        if self._error is not None:
            raise self._error

    def _change(self, frame: PullFrame | None, status: StatusChange, *, is_new: bool) -> None:
        with self._lock:
            if frame is not None and is_new:
                self._frames.append(frame)
            elif frame is not None:
                self._frames[self._position(frame)] = frame
            if "fraction" in status and not self._is_over:
                start, width = self._span
                status = {**status, "fraction": start + width * status["fraction"]}
            self._status = replace(self._status, **status)
            now = time.monotonic()
            wake = is_new or now >= self._next_wake
            if wake:
                self._next_wake = now + _WAKE_SECONDS
        self._log()
        self.on_status(self._status)
        if wake:
            try:
                self._loop.call_soon_threadsafe(self._wake_watchers)
            except RuntimeError:
                return  # the loop is closed: the server has stopped, nobody watches

    def _position(self, frame: PullFrame) -> int:
        """Several files arrive at once, each with a line of its own."""
        if frame.digest:
            for position in reversed(range(len(self._frames))):
                if self._frames[position].digest == frame.digest:
                    return position
        return -1

    def _wake_watchers(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    def _log(self) -> None:
        status = self._status
        tenths = int(status.fraction * 10 + 1e-9)
        if tenths > self._logged_tenths and not status.is_over:
            self._logged_tenths = tenths
            logger.info("pull of %s: %d %%, %s", status.model_name, tenths * 10, status.step)
