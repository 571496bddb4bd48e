"""What the families' embedding endpoints share: inputs as clients write them, vectors as JSON."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from apis.limits import MOST_INPUTS
from inference.errors import InvalidRequest

if TYPE_CHECKING:
    from inference.embeddings.vectors import Vectors

VECTORS_A_TURN = 64
"""Writing so many takes about a millisecond; then the event loop gets its turn."""

Inputs = tuple[str | tuple[int, ...], ...]


def read_inputs(value: Any, *, tokens_allowed: bool) -> Inputs:
    """A text, a list of texts, or (if allowed) one or several lists of token ids; null is nothing.

    Raises InvalidRequest for anything else, and for more than one request may hold.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise _invalid()
    if len(value) > MOST_INPUTS and not _are_tokens(value):
        raise InvalidRequest(f"input: at most {MOST_INPUTS} texts in one request", field="input")
    if all(isinstance(item, str) for item in value):
        return tuple(value)
    if tokens_allowed and _are_tokens(value):
        return (tuple(value),)
    if tokens_allowed and all(isinstance(item, list) and _are_tokens(item) for item in value):
        return tuple(map(tuple, value))
    raise _invalid()


async def as_numbers(vectors: Vectors) -> list[orjson.Fragment]:
    """Every vector as a JSON array, with the fewest digits that give the same f32 back."""
    return await _each(
        vectors, lambda row: orjson.Fragment(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY))
    )


async def as_base64(vectors: Vectors) -> list[str]:
    """Every vector as little-endian f32 in base64."""
    return await _each(
        vectors, lambda row: base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
    )


async def _each(vectors: Vectors, write: Callable[[Any], Any]) -> list[Any]:
    written = []
    for place, row in enumerate(vectors, start=1):
        written.append(write(row))
        if place % VECTORS_A_TURN == 0:
            await asyncio.sleep(0)
    return written


def _are_tokens(items: list[Any]) -> bool:
    # A bool is an int for Python, and no token for anybody.
    return bool(items) and all(type(item) is int for item in items)


def _invalid() -> InvalidRequest:
    return InvalidRequest("invalid input type", field="input")
