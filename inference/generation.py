"""One generation under way: its engine's chunks as events, its end as a record.

Made by `dispatch` once the first token is there; an API family iterates it and always closes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import TracebackType

from inference.errors import EngineFailed, InferenceError, InferenceTimeout, InvalidRequest
from inference.journal import RunningRequest
from inference.records import RecordDraft
from inference.requests import (
    Event,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    RouteReport,
    TextDelta,
    Timings,
)
from inference.residency.residents import Slot
from inference.residency.stream import EngineStream
from inference.snapshot import ModelInfo
from inference.worker.protocol import Chunk, EngineRequest


class EngineRun:
    """One request on one engine, from submission to its last chunk. Holds the slot meanwhile."""

    def __init__(self, slot: Slot, request: EngineRequest, *, timeout_seconds: float) -> None:
        self.slot = slot
        self._number, self._stream = slot.process.submit(request)
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(
            timeout_seconds, self._time_out, timeout_seconds
        )

    async def next_batch(self) -> list[Chunk]:
        """The chunks that have come. Raises the error the engine ended it with: InvalidRequest when
        it refuses a parameter, EngineFailed, InferenceTimeout."""
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
            self.slot.release()

    def _time_out(self, seconds: float) -> None:
        stream: EngineStream = self._stream
        stream.fail(InferenceTimeout(f"the answer took longer than the allowed {seconds:g} s"))


class Generation:
    """What `dispatch.generate` returns. Iterate it for tuples of events, one per engine step; close
    it in any case (`async with` does)."""

    def __init__(
        self,
        request: GenerationRequest,
        model: ModelInfo,
        route: RouteReport,
        prompt_ids: tuple[int, ...],
        run: EngineRun,
        first: list[Chunk],
        entry: RunningRequest,
        on_end: Callable[[RecordDraft], None],
    ) -> None:
        self.request = request
        self.model = model
        self.route = route
        self.prompt_ids = prompt_ids
        self.completion_ids: list[int] = []
        self._run = run
        self._first: list[Chunk] | None = first
        self._first_token_at = time.perf_counter()
        self._entry = entry
        self._on_end = on_end
        self._is_closed = False

    async def __aenter__(self) -> Generation:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[tuple[Event, ...]]:
        """Ends after Finished or Failed."""
        chunks, self._first = self._first, None
        while not self._is_closed:
            try:
                batch = chunks or await self._run.next_batch()
            except InferenceError as error:
                self._close(error.code, Timings(), str(error))
                yield (Failed(error),)
                return
            chunks = None
            events = self._events(batch)
            yield events
            if isinstance(events[-1], Finished):
                return

    async def close(self) -> None:
        """Stop it in the engine if it still runs. Idempotent, never raises, never waits."""
        self._close(FinishReason.CANCELLED, Timings(), "")

    def _events(self, chunks: list[Chunk]) -> tuple[Event, ...]:
        ids = [token for chunk in chunks for token in chunk.token_ids]
        self.completion_ids += ids
        self._entry.tokens = len(self.completion_ids)
        delta = TextDelta("".join([chunk.text for chunk in chunks]), tuple(ids))
        last = chunks[-1]
        if not last.finish:
            return (delta,)
        timings = self._timings(last.prefill_seconds, last.decode_seconds)
        reason = FinishReason(last.finish)
        finished = Finished(reason, len(self.prompt_ids), len(self.completion_ids), timings)
        self._close(reason, timings, "")
        return (delta, finished) if delta.text or delta.token_ids else (finished,)

    def _timings(self, prefill: float, decode: float) -> Timings:
        slot, received = self._run.slot, self.request.received_at
        return Timings(
            queue=slot.queue_seconds,
            load=slot.load_seconds,
            prefill=prefill,
            decode=decode,
            ttft=self._first_token_at - received,
            total=time.perf_counter() - received,
        )

    def _close(self, outcome: str, timings: Timings, error: str) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._run.end()
        if not timings.total:
            timings = self._timings(0.0, time.perf_counter() - self._first_token_at)
        self._on_end(
            draft_record(
                self.request,
                self.model.name,
                route=self.route,
                outcome=outcome,
                error=error,
                prompt_tokens=len(self.prompt_ids),
                completion_tokens=len(self.completion_ids),
                timings=timings,
            )
        )


def draft_record(
    request: GenerationRequest,
    model: str,
    *,
    route: RouteReport | None,
    outcome: str,
    error: str = "",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    timings: Timings | None = None,
) -> RecordDraft:
    """The record of a request, however it ended. `route` is None when it never got that far."""
    elapsed = time.perf_counter() - request.received_at
    times = timings or Timings(total=elapsed)
    chain = route.chain if route else ()
    return RecordDraft(
        request_id=request.request_id,
        received_at=datetime.now(UTC) - timedelta(seconds=elapsed),
        family=request.family,
        endpoint=request.endpoint,
        client=request.client,
        model_name=model,
        routed_device=route.routed_device if route else "",
        execution_device=route.execution_device if route else "",
        reason=route.reason if route else "",
        fallback_reason=route.fallback_reason if route else "",
        explanation=route.explanation if route else "",
        chain=[asdict(step) for step in chain],
        devices=list(dict.fromkeys(step.device for step in chain if step.tokens)),
        predicted_seconds=route.predicted_seconds if route else None,
        outcome=str(outcome),
        error=error,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        queue_seconds=times.queue,
        load_seconds=times.load,
        prefill_seconds=times.prefill,
        decode_seconds=times.decode,
        ttft_seconds=times.ttft,
        total_seconds=times.total,
        ignored=list(request.ignored),
    )
