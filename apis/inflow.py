"""A large request body, handed to the application while it arrives.

daphne gives the application a body when all of it is there, from a temporary file by way of memory.
Files of gigabytes must not go that way: their application starts with the headers, and the
connection is not read while the application is behind.

Part of the workaround for daphne 4.2 on Twisted 26 in `backpressure.py`, which uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

MOST_WAITING_BYTES = 4 * 2**20
"""Above it the connection is not read, below half of it it is again."""


class Inflow:
    """Stands where daphne has the application's queue. `producer` is what reads the connection."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._waiting_bytes = 0
        self._is_paused = False
        self.is_whole = False

    async def receive(self) -> MutableMapping[str, Any]:
        """The application's `receive`."""
        message = await self._messages.get()
        self._waiting_bytes -= len(message.get("body", b""))
        if self._is_paused and self._waiting_bytes < MOST_WAITING_BYTES // 2:
            self._is_paused = False
            self._producer.resumeProducing()
        return message

    def feed(self, data: bytes) -> None:
        """A piece of the body has come."""
        self._waiting_bytes += len(data)
        self._messages.put_nowait({"type": "http.request", "body": data, "more_body": True})
        if not self._is_paused and self._waiting_bytes > MOST_WAITING_BYTES:
            self._is_paused = True
            self._producer.pauseProducing()

    def end(self) -> None:
        """That was all of the body."""
        self.is_whole = True
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def put_nowait(self, message: MutableMapping[str, Any]) -> None:
        """What daphne says: of its own account of the body, which is empty, nothing is passed
        on."""
        if message["type"] != "http.request":
            self._messages.put_nowait(message)
