"""One request on one engine, from its submission to its last chunk, and what it may take.

Used by `relay`; holds the slot meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from inference.errors import EngineFailed, EngineTooSlow, InferenceTimeout, InvalidRequest
from inference.residency.engine import Slot
from inference.snapshot import SettingsInfo
from inference.worker.protocol import Chunk, EngineRequest


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Longest times in seconds: from the engine having the request to its first token, between two
    tokens, and until `deadline` (monotonic seconds; `total` tells messages how long that was)."""

    first_token: float
    inter_token: float
    total: float
    deadline: float

    @classmethod
    def of(cls, settings: SettingsInfo) -> RunLimits:
        """The owner's limits, for an answer that begins now."""
        total = settings.inference_timeout_seconds
        return cls(
            settings.first_token_timeout_seconds,
            settings.inter_token_timeout_seconds,
            total,
            time.monotonic() + total,
        )


class EngineRun:
    """Submits on creation. Raises EngineFailed there if the engine is gone already."""

    def __init__(self, slot: Slot, request: EngineRequest, limits: RunLimits) -> None:
        self.slot = slot
        self._limits = limits
        self._number, self._stream = slot.process.submit(request)
        self._is_over = False
        self._timer = self._look_again()

    async def next_batch(self) -> list[Chunk]:
        """The chunks that have come. Raises the error the engine ended it with: InvalidRequest when
        it refuses a parameter, EngineFailed, EngineTooSlow, InferenceTimeout."""
        chunks = await self._stream.next_batch()
        last = chunks[-1]
        if last.finish == "refused":
            raise InvalidRequest(f"the engine refuses the request: {last.error}")
        if last.finish == "failed":
            raise EngineFailed(f"the engine failed: {last.error}")
        return chunks

    def end(self) -> None:
        """Stop it in the engine if it still runs, and give the place back. Safe to call twice."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self.slot.process.cancel(self._number)
            self.slot.release(was_used=self._stream.has_begun)

    def _look_again(self) -> asyncio.TimerHandle:
        """One timer per run, set anew when it fires: tokens only leave their time in the stream."""
        due = min(self._due_at(), self._limits.deadline)
        loop = asyncio.get_running_loop()
        return loop.call_later(max(0.001, due - time.monotonic()), self._check)

    def _due_at(self) -> float:
        limits, stream = self._limits, self._stream
        patience = limits.inter_token if stream.has_begun else limits.first_token
        return stream.last_push_at + patience

    def _check(self) -> None:
        now, limits, stream = time.monotonic(), self._limits, self._stream
        if stream.is_ended:
            return
        if now >= limits.deadline:
            text = f"the answer took longer than the allowed {limits.total:g} s"
            stream.fail(InferenceTimeout(text))
        elif now >= self._due_at():
            self._give_up()
        else:
            self._timer = self._look_again()

    def _give_up(self) -> None:
        limits = self._limits
        if self._stream.has_begun:
            text = f"no token came for the allowed {limits.inter_token:g} s"
            reason = "inter_token_timeout"
        else:
            text = f"no first token came within the allowed {limits.first_token:g} s"
            reason = "first_token_timeout"
        self._stream.fail(EngineTooSlow(text, reason=reason))
        if self.slot.engine.spec.max_concurrent_requests == 1:
            # It hangs for whoever is next as well, and a static engine cannot be told to stop.
            self.slot.process.give_up(EngineFailed(text, reason="engine_stalled"))
