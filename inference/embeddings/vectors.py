"""Vectors as numbers: from the engine's bytes to the form that was asked for.

Imported with the first request (`service`), because numpy costs the server's start 0.1 s.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from inference.errors import EngineFailed, UnusableVectors

Vectors = NDArray[np.float32]


def decode_rows(encoded: str, count: int) -> Vectors:
    """The engine's `count` vectors, f32 [N, E].

    Raises EngineFailed when they are not so many, UnusableVectors when they hold what is no number.
    """
    values = np.frombuffer(base64.b64decode(encoded), "<f4")
    if not values.size or values.size % count:
        raise EngineFailed("the engine gave other vectors than it was asked for")
    rows = values.reshape(count, -1).astype(np.float32)
    if not np.isfinite(rows).all():
        raise UnusableVectors("embedding contains NaN or Inf values")
    return rows


def in_wanted_form(rows: list[Vectors], *, dimensions: int | None, is_normalised: bool) -> Vectors:
    """The vectors [N, E], cut to `dimensions` if that is above 0 and below E, then of length 1.

    A vector of zeros has no direction and stays as it is.
    """
    whole = np.stack(rows)
    if dimensions is not None and 0 < dimensions < whole.shape[1]:
        whole = np.ascontiguousarray(whole[:, :dimensions])
    if is_normalised:
        lengths = np.linalg.norm(whole.astype(np.float64), axis=1, keepdims=True)
        whole = (whole / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return whole
