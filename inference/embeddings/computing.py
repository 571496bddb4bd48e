"""The vectors that nobody knows yet: from an engine, and from the next one when it fails.

A request holds one place on one engine, like a generation. Its texts go there slice by slice, so
that a large request takes turns with the others (the engine waits a millisecond for each slice,
which lasts a hundred), and what is there when an engine fails is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inference.embeddings.cache import Known
from inference.embeddings.texts import Ids
from inference.embeddings.vectors import decode_rows
from inference.errors import (
    EngineFailed,
    EngineTooSlow,
    InferenceError,
    InferenceTimeout,
    UnusableVectors,
)
from inference.relay import Relay
from inference.residency.process import EngineProcess
from inference.router import Reason
from inference.snapshot import SettingsInfo
from inference.worker.protocol import Embedded

SLICE_TEXTS = 64
SLICE_TOKENS = 2048
"""About four of the engine's steps, padding included."""


@dataclass(slots=True)
class Computed:
    """The vectors by place, and how long the request waited and the engine worked (seconds)."""

    found: dict[int, Known] = field(default_factory=dict)
    device: str = ""
    queue: float = 0.0
    load: float = 0.0
    engine: float = 0.0


async def compute_vectors(relay: Relay, texts: Sequence[Ids], settings: SettingsInfo) -> Computed:
    """The vector of every text; no text at all only takes a place, which loads the model.

    Cancelling it stops the engine after its step. Raises NoDevice, ServerBusy, EngineFailed,
    InferenceTimeout, UnusableVectors.
    """
    computed = Computed()
    unusable: UnusableVectors | None = None
    total = settings.inference_timeout_seconds
    deadline: float | None = None
    while not computed.device or len(computed.found) < len(texts):
        try:
            placement = await relay.place()
        except InferenceError as error:
            raise unusable or error from None
        slot, device = placement.slot, placement.option.spec.device
        before = len(computed.found)
        try:
            computed.queue += slot.queue_seconds
            computed.load += slot.load_seconds
            if deadline is None:  # waiting for a load or in a line is not the answer's time
                deadline = asyncio.get_running_loop().time() + total
            computed.device = device
            async with asyncio.timeout_at(deadline):
                await _embed_on(
                    slot.process, device, texts, computed, settings.first_token_timeout_seconds
                )
        except (EngineFailed, EngineTooSlow) as error:
            computed.device = ""
            if isinstance(error, EngineTooSlow):  # it hangs for all others as well
                slot.process.give_up(EngineFailed(str(error), reason="engine_stalled"))
            tokens = sum(len(texts[place]) for place in list(computed.found)[before:])
            relay.note_failure(device, error, tokens=tokens)
        except UnusableVectors as error:
            # Some networks are too much for some devices' arithmetic: the next one may do it.
            computed.device, unusable = "", error
            failure = EngineFailed(str(error), reason=Reason.GARBAGE_OUTPUT)
            relay.note_failure(device, failure, tokens=0, is_final=True)
            relay.blame(device, Reason.GARBAGE_OUTPUT, str(error))
        except TimeoutError:
            raise InferenceTimeout(f"the answer took longer than the allowed {total:g} s") from None
        finally:
            slot.release(was_used=len(computed.found) > before)
    relay.note_served(computed.device, sum(map(len, texts)))
    return computed


async def _embed_on(
    process: EngineProcess,
    device: str,
    texts: Sequence[Ids],
    computed: Computed,
    patience_seconds: float,
) -> None:
    """Add what is missing in `computed`, slice by slice."""
    for places in _slices(texts, computed.found):
        number, answer = process.embed([list(texts[place]) for place in places])
        try:
            embedded = await _within(answer, patience_seconds)
        finally:
            process.cancel(number)
        if embedded.error:
            raise EngineFailed(f"the engine failed: {embedded.error}")
        computed.engine += embedded.seconds
        rows = decode_rows(embedded.vectors, len(places))
        for place, row in zip(places, rows, strict=True):
            # A copy, so that a kept vector does not keep its whole slice.
            computed.found[place] = Known(row.copy(), device)


async def _within(answer: asyncio.Future[Embedded], seconds: float) -> Embedded:
    done, _ = await asyncio.wait([answer], timeout=seconds)
    if not done:
        text = f"no vectors came for the allowed {seconds:g} s"
        raise EngineTooSlow(text, reason="first_token_timeout")
    return answer.result()


def _slices(texts: Sequence[Ids], found: dict[int, Known]) -> Iterator[list[int]]:
    """The places of the texts that are not found, the longest first, in slices."""
    order = sorted(
        (place for place in range(len(texts)) if place not in found),
        key=lambda place: len(texts[place]),
        reverse=True,
    )
    while order:
        longest = max(1, len(texts[order[0]]))
        count = max(1, min(SLICE_TEXTS, SLICE_TOKENS // longest))
        yield order[:count]
        order = order[count:]
