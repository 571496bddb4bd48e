"""Who called the API last, from where and with what: memory only, for the console's live line.

The API's door notes every request when it comes, so that a person who sets a client up sees at once
whether it got here, even if it was refused.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

MOST_KEPT = 32


@dataclass(eq=False, slots=True)
class Caller:
    """One client's latest request. `agent` is what it calls itself (its User-Agent header),
    `status` the answer's, 0 until that is out; `requests` counts since the server started."""

    address: str
    agent: str
    method: str
    path: str
    status: int = 0
    requests: int = 1
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Callers:
    """The latest request of each client, told apart by address and agent; the oldest go first.
    Touched by the event loop only."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Caller] = OrderedDict()

    def arrived(self, address: str, agent: str, method: str, path: str) -> Caller:
        """A request came; set the status of what is returned when it was answered."""
        before = self._known.pop((address, agent), None)
        caller = Caller(address, agent, method, path, requests=before.requests + 1 if before else 1)
        self._known[address, agent] = caller
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return caller

    def latest(self, count: int) -> tuple[Caller, ...]:
        """The clients that called last, newest first."""
        return tuple(reversed(self._known.values()))[:count]


_callers = Callers()


def arrived(address: str, agent: str, method: str, path: str) -> Caller:
    """A request came; set the status of what is returned when it was answered."""
    return _callers.arrived(address, agent, method, path[:120])


def latest(count: int) -> tuple[Caller, ...]:
    """The clients that called last, newest first."""
    return _callers.latest(count)
