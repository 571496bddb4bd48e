"""Ending a request from outside: its owner waits for something, somebody else says that it is over.

The one who waits does so inside `with interruption:`; an interrupt ends that wait at once with the
error it was given. One that comes between two waits frees the engine at once and is met by the
next wait. A wait that is cancelled for another reason, above all because its client left, stays
cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from inference.errors import InferenceError


class Interruption:
    """One request's. All methods belong to the event loop's thread. `free` is called when nobody
    waits at the moment of the interrupt: it gives back what the request holds."""

    __slots__ = ("_error", "_task", "free")

    def __init__(self) -> None:
        self.free: Callable[[], None] = _nothing
        self._error: InferenceError | None = None
        self._task: asyncio.Task[object] | None = None

    def interrupt(self, error: InferenceError) -> None:
        """End the request with that error. Only the first one counts."""
        if self._error is not None:
            return
        self._error = error
        if self._task is not None:
            # It waits, so the cancel meets it inside the block, whatever it waits for.
            self._task.cancel()
        else:
            self.free()

    def __enter__(self) -> None:
        if self._error is not None:
            raise self._error
        self._task = asyncio.current_task()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if self._error is None or task is None or not isinstance(error, asyncio.CancelledError):
            return
        if task.uncancel() == 0:  # nobody else wants it to end
            raise self._error from None


def _nothing() -> None:
    pass
