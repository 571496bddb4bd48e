"""What every kind of engine offers to the worker's main loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from inference.worker.protocol import Chunk, EngineRequest

Send = Callable[[Sequence[Chunk]], Awaitable[None]]


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
