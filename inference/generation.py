"""One generation under way: its engines' chunks as events, its end as a record.

Made by `dispatch` once the first token is there; an API family iterates it and always closes it.
When an engine dies midway the relay finds another one, which goes on behind the tokens that are
there: the events that come out show no gap and no repeat.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from types import TracebackType

from inference import keeping
from inference.answer_text import AnswerText
from inference.errors import EngineFailed, EngineTooSlow, InferenceError
from inference.garbage import GarbageGuard
from inference.held_answer import HeldAnswer
from inference.journal import RunningRequest
from inference.records import RecordDraft
from inference.relay import Progress, Relay
from inference.reports import draft_record
from inference.requests import (
    AnswerEvent,
    Event,
    Failed,
    Finished,
    FinishReason,
    Grammar,
    Sampling,
    Timings,
    TokenLogprob,
)
from inference.router import Reason
from inference.run import EngineRun
from inference.worker.protocol import Chunk


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom a generation tells: `on_end` gets the record; `on_garbage` the model, the device, the
    prompt's ids, the sampling with as many tokens as it took to see it, and what was wrong."""

    on_end: Callable[[RecordDraft], None]
    on_garbage: Callable[[str, str, tuple[int, ...], Sampling, str], None]


class Generation:
    """What `dispatch.generate` returns. Iterate it for tuples of events, one per engine step (of a
    request that is not streamed: one at the end); close it in any case (`async with` does)."""

    def __init__(
        self,
        relay: Relay,
        run: EngineRun,
        first: list[Chunk],
        entry: RunningRequest,
        hooks: Hooks,
    ) -> None:
        self.request = relay.request
        self.model = relay.plan.model
        self.prompt_ids = relay.plan.prompt_ids
        self.completion_ids: list[int] = []
        self.route = relay.report(run.slot.engine.spec.device)
        entry.route = self.route
        self._relay = relay
        self._run = run
        self._first: list[Chunk] | None = first
        self._first_token_at = time.perf_counter()
        self._prefill_seconds = 0.0
        self._tokens_before_run = 0
        self._has_moved = False
        self._guard = self._new_guard()
        self._text = AnswerText(relay.plan.prompt)
        grammar = relay.plan.prompt.grammar
        self._held = None if grammar is None else HeldAnswer(grammar)
        self._keeper = keeping.new_keeper(self.request.client)
        self._is_continued = False
        self._entry = entry
        entry.interruption.free = self._stop_engine
        self._hooks = hooks
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
            events: tuple[Event, ...]
            try:
                with self._entry.interruption:
                    chunks = chunks or await self._run.next_batch()
                events = self._events(chunks)
                chunks = None
            except (EngineFailed, EngineTooSlow) as error:
                events, chunks = await self._moved(self._hand_over(error))
            except InferenceError as error:
                events = self._fail(error)
            if events:
                yield events
            if self._held is not None and not self._is_closed and chunks is None:
                rest = await self._held.way_out()
                if rest is not None:
                    events, chunks = await self._moved(self._go_on_under(rest))
                    if events:
                        yield events

    async def _moved(
        self, move: Awaitable[list[Chunk]]
    ) -> tuple[tuple[Event, ...], list[Chunk] | None]:
        """The first chunks of another run, or the last event if there is none."""
        try:
            with self._entry.interruption:
                return (), await move
        except InferenceError as error:
            return self._fail(error), None

    async def close(self) -> None:
        """Stop it in the engine if it still runs. Idempotent, never raises, never waits."""
        self._close(FinishReason.CANCELLED, self._timings(), "")

    def _stop_engine(self) -> None:
        self._run.end()

    @property
    def ignored(self) -> tuple[str, ...]:
        """The client's parameters that had no effect."""
        return self.request.ignored

    @property
    def _device(self) -> str:
        return self._run.slot.engine.spec.device

    def _events(self, chunks: list[Chunk]) -> tuple[Event, ...]:
        ids = [token for chunk in chunks for token in chunk.token_ids]
        text = "".join([chunk.text for chunk in chunks])
        self.completion_ids += ids
        self._entry.tokens = len(self.completion_ids)
        last = chunks[-1]
        if self._guard is not None and (wrong := self._guard.feed(ids, text)):
            raise EngineFailed(f"the output is garbage: {wrong}", reason=Reason.GARBAGE_OUTPUT)
        if self._held is not None:
            self._held.feed(text)
        logprobs = self._logprobs(chunks) if self.request.logprobs is not None else ()
        self._text.add(text, ids, logprobs, is_last=bool(last.finish))
        if not last.finish:
            return () if self._is_holding else self._release()
        self._prefill_seconds = self._prefill_seconds or last.prefill_seconds
        # Of an answer in several parts no engine knows the time; the server's own clock tells.
        timings = self._timings(0.0 if self._is_continued else last.decode_seconds)
        reason = FinishReason(last.finish)
        events = self._release()
        finished = Finished(
            reason,
            len(self.prompt_ids),
            len(self.completion_ids),
            timings,
            last.stop_string or None,
            self._text.thinking_tokens,
        )
        self._close(reason, timings, "")
        return (*events, finished)

    def _release(self) -> tuple[AnswerEvent, ...]:
        events = self._text.release()
        if self._keeper is not None:
            self._keeper.add(events)
        return events

    @staticmethod
    def _logprobs(chunks: list[Chunk]) -> list[TokenLogprob]:
        return [
            TokenLogprob(bytes.fromhex(token), logprob)
            for chunk in chunks
            for token, logprob in chunk.logprobs
        ]

    @property
    def _is_holding(self) -> bool:
        """Whether text stays here for now: nobody reads it before the end, or it may prove to be
        garbage that another device should answer instead."""
        if not self.request.is_streamed:
            return True
        has_sent = self._text.sent_characters > 0
        return self._guard is not None and not has_sent and self._guard.is_suspicious

    async def _hand_over(self, error: EngineFailed | EngineTooSlow) -> list[Chunk]:
        """Another engine's first chunks. Raises the error when the answer cannot go on."""
        device = self._device
        new_tokens = len(self.completion_ids) - self._tokens_before_run
        is_garbage = error.reason == Reason.GARBAGE_OUTPUT
        self._run.end()
        self._relay.note_failure(device, error, tokens=new_tokens, is_final=is_garbage)
        self._has_moved = True
        if is_garbage:
            self._relay.blame(device, Reason.GARBAGE_OUTPUT, str(error))
            seen = replace(self._relay.plan.sampling, max_tokens=max(1, new_tokens))
            self._hooks.on_garbage(self.model.name, device, self.prompt_ids, seen, str(error))
            if self._text.sent_characters:
                raise error
        grammar = None
        if self._held is not None and not is_garbage:
            grammar = await self._held.behind()
        if is_garbage or (self._held is not None and grammar is None):
            # Garbage is not gone on with, and some grammars only know whole answers: then the next
            # engine repeats what the client has.
            self.completion_ids.clear()
            self._text.begin_anew()
            grammar = self._held.begin_anew() if self._held is not None else None
        return await self._go_on_under(grammar)

    async def _go_on_under(self, grammar: Grammar | None) -> list[Chunk]:
        """The first chunks of another run, which goes on behind the tokens that are there."""
        before = self._device
        self._run.end()
        self._is_continued = True
        most = self._relay.plan.sampling.max_tokens
        if most and len(self.completion_ids) >= most:
            return [Chunk(0, [], "", "length")]
        progress = Progress(tuple(self.completion_ids), self._text.characters, grammar)
        self._run, chunks = await self._relay.run(progress)
        self._guard = self._new_guard()
        if self._device != before and not self._has_moved:
            self._relay.note_served(before, len(self.completion_ids) - self._tokens_before_run)
            self._has_moved = True
        if self._has_moved:
            self._tokens_before_run = len(self.completion_ids)
        return chunks

    def _new_guard(self) -> GarbageGuard | None:
        """Only an NPU's output is watched, not where the client forbade the model to end, and not
        behind a beginning that another engine made: the model may be in a loop already."""
        is_static = self._run.slot.engine.spec.runtime == "npu"
        may_end = not self._relay.plan.sampling.ignore_eos
        return GarbageGuard() if is_static and may_end and not self.completion_ids else None

    def _timings(self, decode: float = 0.0) -> Timings:
        slot, received = self._run.slot, self.request.received_at
        now = time.perf_counter()
        return Timings(
            queue=slot.queue_seconds,
            load=slot.load_seconds,
            prefill=self._prefill_seconds,
            decode=decode or max(1e-9, now - self._first_token_at),
            ttft=self._first_token_at - received,
            total=now - received,
        )

    def _fail(self, error: InferenceError) -> tuple[Event, ...]:
        self._close(error.code, self._timings(), str(error))
        return (Failed(error),)

    def _close(self, outcome: str, timings: Timings, error: str) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._run.end()
        if not error or outcome == FinishReason.CANCELLED:
            self._relay.note_served(
                self._device, len(self.completion_ids) - self._tokens_before_run
            )
        route = replace(self.route, chain=tuple(self._relay.steps))
        if self._has_moved:
            route = self._relay.report(self._device)
        # Beside the real time belongs what was promised for the tokens that really came.
        promised = self._relay.predicted_seconds(
            self._device, len(self.completion_ids), timings.queue + timings.load
        )
        route = replace(route, predicted_seconds=promised)
        self._hooks.on_end(
            draft_record(
                self.request,
                self.model.name,
                route=route,
                outcome=outcome,
                error=error,
                prompt_tokens=len(self.prompt_ids),
                completion_tokens=len(self.completion_ids),
                timings=timings,
                kept=keeping.keep_request(self.request, self._keeper),
            )
        )
