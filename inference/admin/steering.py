"""What the admin's actions have the server do: unload engines, measure models.

The server's work lives on its event loop; `async_to_sync` brings an action there, because the
request came from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest

from inference.calibration import asked
from inference.errors import InferenceError

WAIT_SECONDS = 2.0
"""A page does not wait longer for an engine whose answers are under way; it leaves after them."""


def unload(request: HttpRequest, name: str, unloading: Awaitable[None]) -> None:
    """Have those engines leave, and say how far that is."""
    if async_to_sync(_is_gone)(unloading):
        messages.success(request, f"{name}: nothing is loaded.")
    else:
        messages.success(request, f"{name} is unloaded as soon as its answers are done.")


def calibrate(request: HttpRequest, wishes: Sequence[tuple[str, str]]) -> None:
    """Measure those pairs of a model and a device, "" meaning all there are, one after another."""
    try:
        async_to_sync(_begin)(wishes)
    except InferenceError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request, "The calibration has begun; the routing page shows how far it is."
        )


async def _is_gone(unloading: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await unloading
    except TimeoutError:
        return False
    return True


async def _begin(wishes: Sequence[tuple[str, str]]) -> None:
    asked.begin(*wishes)
