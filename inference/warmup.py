"""Keeps the pinned pairs loaded: at start, after a change of the pins, and after a crash.

Started and stopped by the appliance.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from inference import dispatch, snapshot
from inference.errors import InferenceError

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


async def keep_pinned_loaded() -> None:
    """Never ends. A pair whose load failed rests like for any request, and is tried again then."""
    loading: dict[tuple[str, str], asyncio.Task[None]] = {}
    try:
        while True:
            pins = snapshot.current().pins
            for engine in dispatch.residency.engines():  # those loaded before they were pinned
                engine.pin((engine.spec.model, engine.spec.device) in pins)
            for pair in pins:
                if pair not in loading and not _is_settled(*pair):
                    loading[pair] = asyncio.create_task(_load(*pair))
            loading = {pair: task for pair, task in loading.items() if not task.done()}
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        for task in loading.values():
            task.cancel()
        await asyncio.gather(*loading.values(), return_exceptions=True)


async def _load(model: str, device: str) -> None:
    with contextlib.suppress(InferenceError):  # the residency has told the log already
        await dispatch.warm(model, device)


def _is_settled(model: str, device: str) -> bool:
    """Whether it is loaded, loading, or to be left alone."""
    if any((p.model, p.device) == (model, device) for p in dispatch.residency.health.resting()):
        return True
    return dispatch.residency.load_of(model, device).state != "cold"
