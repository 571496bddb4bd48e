"""A request to stop that every step of a job can see, from whatever thread it runs in."""

from __future__ import annotations

import enum
import threading

from inference.catalog.errors import Stopped


class Why(enum.Enum):
    """What is to become of a job that is stopped."""

    SERVER_ENDS = "server ends"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Stop:
    """Set once, by anyone; the steps of a job ask `check()` between their pieces of work."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.why = Why.SERVER_ENDS

    def set(self, why: Why = Why.SERVER_ENDS) -> None:
        """Ask the job to end. Returns at once. The first reason counts."""
        if not self._event.is_set():
            self.why = why
        self._event.set()

    def is_set(self) -> bool:
        """Whether the job should end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise Stopped if the job should end."""
        if self._event.is_set():
            raise Stopped
