"""`keep_alive: 0` without anything to do: the model goes."""

from __future__ import annotations

import asyncio
import contextlib

from inference import dispatch

UNLOAD_SECONDS = 5.0
"""How long an unload waits for generations under way; they finish and it happens in any case."""


async def unload(name: str) -> None:
    """Unload that model, or begin to."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(UNLOAD_SECONDS):
            await dispatch.unload(name)
