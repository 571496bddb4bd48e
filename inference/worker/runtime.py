"""What every kind of engine offers to the worker's main loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from inference.worker.protocol import Chunk, Embedded, EmbedRequest, EngineRequest

Send = Callable[[Sequence[Chunk] | Embedded], Awaitable[None]]
"""Takes one step's chunks, or the vectors of one request."""


class Runtime(Protocol):
    """A loaded engine. Made by its class's constructor, which loads and may take minutes."""

    def submit(self, request: EngineRequest) -> None:
        """Take a generation. Never blocks for long; refusals come back as a chunk."""

    def cancel(self, number: int) -> None:
        """Stop that generation within one step. Unknown numbers are ignored."""

    async def run(self, send: Send) -> None:
        """Serve for ever: every engine step's chunks go to `send`."""

    def facts(self) -> dict[str, Any]:
        """What the engine can tell about itself once loaded."""


@runtime_checkable
class EmbeddingEngine(Runtime, Protocol):
    """An engine that turns texts into vectors."""

    def embed(self, request: EmbedRequest) -> None:
        """Take texts. Never blocks; the answer, or the reason why there is none, goes to `send`."""
