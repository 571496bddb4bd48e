"""One generation's state inside the worker: from raw tokens to text, stop and timings."""

from __future__ import annotations

import time
from collections.abc import Sequence

from inference.worker.detokenizer import IncrementalText
from inference.worker.protocol import Chunk, EngineRequest
from inference.worker.stopping import StopMatcher


class Answer:
    """Made when a request reaches the engine; `take` turns each step's tokens into a chunk.

    An answer that another engine began goes on where its client's text ends: the tokens produced
    there are read again, so that split characters and half-met stop strings are known here too.
    Times are `time.perf_counter()` seconds: prefill lasts until the first token, decode from there.
    """

    def __init__(
        self, request: EngineRequest, text: IncrementalText, end_ids: frozenset[int]
    ) -> None:
        self.number = request.number
        self.max_new_tokens = request.max_new_tokens
        self.tokens = 0
        self.wants_logprobs = request.wants_logprobs
        self.is_stopped = False
        self._text = text
        self._stops = StopMatcher(request.stop)
        self.end_ids: frozenset[int] = frozenset() if request.ignore_eos else end_ids
        self._added_at = time.perf_counter()
        self._first_at = 0.0
        self._last_at = self._added_at
        self._unsent = ""
        # A grammar's rest can only be told behind text, so tokens wait for theirs.
        self._is_held = request.grammar is not None
        self._late: list[int] = []
        if request.produced:
            known, self.is_stopped = self._stops.feed(self._text.feed(request.produced))
            self._unsent = known[request.sent_characters :]

    def take(self, ids: Sequence[int]) -> Chunk:
        """The chunk for these tokens. End-of-sequence tokens are neither text nor counted. After a
        stop string `is_stopped` is true and the caller must end the generation in the engine."""
        now = time.perf_counter()
        if not self._first_at and ids:
            self._first_at = now
        self._last_at = now
        kept = [token for token in ids if token not in self.end_ids]
        self.tokens += len(kept)
        safe, self.is_stopped = self._stops.feed(self._text.feed(kept))
        if self._unsent:
            safe, self._unsent = self._unsent + safe, ""
        if self._is_held:
            kept, self._late = self._late + kept, []
            if self._stops.is_holding or not self._text.is_whole:
                kept, self._late = [], kept
        return Chunk(self.number, kept, safe)

    def finish(self, chunk: Chunk, reason: str, error: str = "") -> Chunk:
        """Make `chunk` the last one: held text is released unless a stop string ended it."""
        if reason in ("stop", "length"):
            rest = ""
            if not self.is_stopped:
                rest, self.is_stopped = self._stops.feed(self._text.flush())
                rest = rest if self.is_stopped else rest + self._stops.flush()
            chunk.text, self._unsent = self._unsent + chunk.text + rest, ""
        chunk.token_ids, self._late = chunk.token_ids + self._late, []
        chunk.stop_string = self._stops.met
        first = self._first_at or self._last_at
        chunk.finish = "stop" if self.is_stopped and reason == "length" else reason
        chunk.prefill_seconds = max(first - self._added_at, 1e-9)
        chunk.decode_seconds = max(self._last_at - first, 1e-9)
        chunk.error = error
        return chunk

    def end(self, reason: str, error: str = "") -> Chunk:
        """A last chunk without tokens."""
        return self.finish(Chunk(self.number, [], ""), reason, error)
