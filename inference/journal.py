"""What runs now and what was decided lately, in memory: written by `dispatch`, read by `status`."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inference.interruption import Interruption
from inference.records import RecordDraft
from inference.requests import RouteReport

KEPT_DECISIONS = 50
KEPT_FIRST_TOKENS = 4096


@dataclass(eq=False, slots=True)
class RunningRequest:
    """One generation under way, for the caller at the address `client`. `device` is "" while it
    waits; `tokens` counts what was produced; `route` is None until the first token."""

    request_id: str
    endpoint: str
    family: str
    model: str
    client: str = ""
    device: str = ""
    tokens: int = 0
    route: RouteReport | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    interruption: Interruption = field(default_factory=Interruption)


class Journal:
    """Touched by the event loop only."""

    def __init__(self) -> None:
        self.running: dict[str, RunningRequest] = {}
        self.decisions: deque[RecordDraft] = deque(maxlen=KEPT_DECISIONS)
        self.first_tokens: deque[tuple[float, float]] = deque(maxlen=KEPT_FIRST_TOKENS)
        """Of answers that ended lately: when (monotonic seconds), and their seconds to the first
        token."""
        self._quiet_since = time.monotonic()

    def open(self, entry: RunningRequest) -> None:
        """A generation begins."""
        self.running[entry.request_id] = entry

    def close(self, record: RecordDraft) -> None:
        """A generation ended; the newest decision comes first."""
        self.running.pop(record.request_id, None)
        self.decisions.appendleft(record)
        now = time.monotonic()
        if record.completion_tokens:
            self.first_tokens.append((now, record.ttft_seconds))
        self._quiet_since = now

    def idle_seconds(self) -> float:
        """For how long no request has been there; 0 while one is."""
        return 0.0 if self.running else time.monotonic() - self._quiet_since
