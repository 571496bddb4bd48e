"""The tokens of one generation on their way from the link to the request that waits for them."""

from __future__ import annotations

import asyncio
import time

from inference.errors import InferenceError
from inference.worker.protocol import Chunk


class EngineStream:
    """Filled by the link's reader, emptied by one consumer. Never blocks the filler: a consumer
    that lags takes all that has gathered as one batch, and what can gather is bounded by the
    generation's own token limit."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._error: InferenceError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.is_ended = False
        self.has_begun = False
        self.last_push_at = time.monotonic()
        """Monotonic seconds of the engine's last sign of this generation."""

    def push(self, chunk: Chunk) -> None:
        """One step's chunk."""
        self._chunks.append(chunk)
        self.has_begun = True
        self.last_push_at = time.monotonic()
        if chunk.finish:
            self.is_ended = True
        self._wake()

    def fail(self, error: InferenceError) -> None:
        """End with an error; tokens that have come already are still delivered first."""
        if not self.is_ended:
            self._error = error
            self.is_ended = True
            self._wake()

    async def next_batch(self) -> list[Chunk]:
        """All chunks that have gathered, at least one. Raises the error the stream ended with.
        Must not be called again after the chunk with a finish reason."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        batch, self._chunks = self._chunks, []
        return batch

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
