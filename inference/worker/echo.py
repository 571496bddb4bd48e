"""The engine of NPU_PROXY_REAL_INFERENCE=0: no model, for checking the wiring of clients.

It says what it is in every answer, so that nobody takes it for a model.
"""

from __future__ import annotations

import asyncio
from typing import Any

from inference.worker.protocol import Chunk, EngineRequest, Job
from inference.worker.runtime import Send

NOTICE = "[echo: no model ran, NPU_PROXY_REAL_INFERENCE is 0] "


class EchoRuntime:
    """Answers each request with the notice and its number of prompt tokens, word by word."""

    def __init__(self, job: Job) -> None:
        self._queue: asyncio.Queue[EngineRequest] = asyncio.Queue()
        self._cancelled: set[int] = set()

    def facts(self) -> dict[str, Any]:
        """Says that nothing is real."""
        return {"echo": True}

    def submit(self, request: EngineRequest) -> None:
        """After those before it."""
        self._queue.put_nowait(request)

    def cancel(self, number: int) -> None:
        """Between two words."""
        self._cancelled.add(number)

    async def run(self, send: Send) -> None:
        """One request after another."""
        while True:
            request = await self._queue.get()
            words = f"{NOTICE}{len(request.ids)} prompt tokens received".split(" ")
            limit = min(len(words), len(request.produced) + request.max_new_tokens)
            for index in range(len(request.produced), limit):
                if request.number in self._cancelled:
                    break
                text = words[index] if index == 0 else " " + words[index]
                await send([Chunk(request.number, [index], text)])
                await asyncio.sleep(0)
            cancelled = request.number in self._cancelled
            finish = "cancelled" if cancelled else "stop" if limit == len(words) else "length"
            await send([Chunk(request.number, [], "", finish, 1e-6, 1e-6)])
