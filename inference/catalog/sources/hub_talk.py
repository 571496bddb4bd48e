"""Questions to a hub, asked by a child process with the hub's own client (`hub_client`).

A child that has answered waits a while for the next question, because starting one takes most of a
second and a pull asks three. One that failed, was stopped or did not answer in time is ended.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inference.catalog.children import Child, TookTooLong
from inference.catalog.errors import DiskFull, NotAsStated, PullFailed, UnknownRepository
from inference.catalog.sources import ADVICE
from inference.catalog.stopping import Stop

Message = dict[str, Any]

_CLIENT: Final = "inference.catalog.sources.hub_client"
_ENVIRONMENT: Final = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_ANSWER_SECONDS: Final = 60.0
_KEPT_SECONDS: Final = 10.0  # less than a child waits for
_MOST_KEPT: Final = 2


def ask(
    order: Sequence[str],
    stop: Stop,
    *,
    reach_seconds: float | None = None,
    answer_seconds: float = _ANSWER_SECONDS,
    on_message: Callable[[Message], None] = lambda message: None,
) -> Message:
    """The last line of the client's answer to one order, for a job's thread.

    `on_message` gets every line. Raises PullFailed with what to do, also when the hub has said
    nothing within `reach_seconds` of being asked; Stopped.
    """
    variables = dict(os.environ)
    child = _take(variables) or Child(_CLIENT, environment=_ENVIRONMENT)
    talk = _Talk(reach_seconds, on_message)
    try:
        child.order(order)
        child.hear(
            stop=stop,
            timeout_seconds=answer_seconds,
            on_line=talk.hear,
            on_tick=talk.look_at_the_clock,
        )
    except TookTooLong:
        raise PullFailed(f"the hub did not answer in time: {ADVICE}") from None
    except OSError:
        raise PullFailed("the hub's client ended without an answer") from None
    finally:
        if "done" in talk.last:
            _keep(child, variables)
        else:
            child.end()
    return talk.result()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A child without a question, since when (time.monotonic()), and the variables it was started
    with, which the client reads then."""

    child: Child
    since: float
    variables: Mapping[str, str]

    def is_usable(self, variables: Mapping[str, str]) -> bool:
        is_fresh = time.monotonic() - self.since < _KEPT_SECONDS
        return is_fresh and self.variables == variables and self.child.is_running


_kept: list[_Kept] = []
_lock = threading.Lock()


def _take(variables: Mapping[str, str]) -> Child | None:
    with _lock:
        kept = _kept.copy()
        _kept.clear()
        usable = [one for one in kept if one.is_usable(variables)]
        _kept.extend(usable[1:])
    for one in kept:
        if one not in usable:
            one.child.end()
    return usable[0].child if usable else None


def _keep(child: Child, variables: Mapping[str, str]) -> None:
    with _lock:
        has_room = len(_kept) < _MOST_KEPT
        if has_room:
            _kept.append(_Kept(child, time.monotonic(), variables))
    if not has_room:
        child.end()


class _Talk:
    """What the client says about one order. `reach_seconds` counts from the moment it asks."""

    def __init__(self, reach_seconds: float | None, on_message: Callable[[Message], None]) -> None:
        self._reach_seconds = reach_seconds
        self._on_message = on_message
        self._deadline: float | None = None
        self.last: Message = {}

    def hear(self, line: str) -> bool:
        """Whether that was the last line."""
        self.last = json.loads(line)
        self._deadline = None
        if "asking" in self.last and self._reach_seconds is not None:
            self._deadline = time.monotonic() + self._reach_seconds
        self._on_message(self.last)
        return "done" in self.last or "error" in self.last

    def look_at_the_clock(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            seconds = f"{self._reach_seconds:g} seconds"
            raise PullFailed(f"the hub did not answer within {seconds}: {ADVICE}")

    def result(self) -> Message:
        if "done" in self.last:
            return self.last
        if "error" not in self.last:
            raise PullFailed("the hub's client ended without an answer")
        words = str(self.last["error"])
        if self.last.get("is_disk_full"):
            raise DiskFull(words)
        if self.last.get("is_not_as_stated"):
            raise NotAsStated(words)
        if self.last.get("is_unknown"):
            raise UnknownRepository(words)
        raise PullFailed(words, retry=bool(self.last.get("retry", True)))
