"""Rotary positions: how fast each pair of channels turns, and the rotation in the graph.

Llama-type GGUF files rotate neighbouring channels (0,1), (2,3), …; Hugging Face exports rotate
channel i with channel i + D/2, which the CPU, GPU and NPU plug-ins recognise and compute in one
operation. Both are the same mathematics on a different order of channels, and attention does not
care for the order as long as queries and keys share it. So the rows of the query and key weights
are re-ordered once, at import, and the rotation is written in the second form. Nothing is rounded.

Letters: B sequences, S new tokens, H heads, D size of a head, R rotated channels of it.
"""

import math
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as ops

from inference.catalog.gguf.hyperparameters import Hyperparameters, Scaling


@dataclass(frozen=True)
class Speeds:
    """How positions become angles: radians for each position, by pair of channels, f64 [R/2]."""

    radians: NDArray[np.float64]
    magnitude: float  # on sine and cosine


def rotation_speeds(
    numbers: Hyperparameters, factors: NDArray[np.float64] | None, *, is_local: bool
) -> Speeds:
    """The speeds of a layer, windowed (`is_local`) or not.

    `factors` [R/2] slow single pairs down (llama 3's rope_freqs, the phi models' rope_factors).
    The formulas are those of the papers, with the constants that llama.cpp uses.
    """
    base = numbers.local_base if is_local else numbers.rope_base
    pairs = np.arange(numbers.rotated // 2, dtype=np.float64)
    radians = base ** (-2 * pairs / numbers.rotated)
    scaling = numbers.scaling
    magnitude = scaling.magnitude
    if is_local and numbers.architecture.local_base is not None:
        pass  # what such layers see is never further away than their window
    elif scaling.kind == "linear":
        radians = radians / scaling.factor
    elif scaling.kind == "yarn":
        share = _interpolated_share(scaling, base, numbers.rotated)
        radians = radians * (1 - share) + radians / scaling.factor * share
        magnitude *= _yarn_magnitude(scaling)
    return Speeds(radians if factors is None else radians / factors, magnitude)


def _interpolated_share(scaling: Scaling, base: float, rotated: int) -> NDArray[np.float64]:
    """How much of each pair's speed yarn interpolates: all of slow pairs', none of fast ones'."""

    def pair_that_turns(times: float) -> float:
        wavelength = scaling.original_context / (times * 2 * math.pi)
        return rotated * math.log(wavelength) / (2 * math.log(base))

    low = max(0.0, math.floor(pair_that_turns(scaling.fast)))
    high = min(rotated - 1.0, math.ceil(pair_that_turns(scaling.slow)))
    pairs = np.arange(rotated // 2)
    return np.clip((pairs - low) / max(0.001, high - low), 0, 1)


def _yarn_magnitude(scaling: Scaling) -> float:
    def magnitude(multiplier: float) -> float:
        return 1 + 0.1 * multiplier * math.log(scaling.factor) if scaling.factor > 1 else 1.0

    if scaling.log_multiplier:
        return magnitude(1) / magnitude(scaling.log_multiplier)
    return magnitude(1)


def halves_first(heads: int, size: int, rotated: int) -> NDArray[np.int64]:
    """The order of rows [H * D] that turns rotating neighbours into rotating halves.

    The even ones of the rotated channels of each head come first, then the odd ones.
    """
    head = np.arange(size)
    head[:rotated] = np.concatenate([np.arange(0, rotated, 2), np.arange(1, rotated, 2)])
    return (np.arange(heads)[:, None] * size + head).reshape(-1)


def rotation_tables(position_ids: ov.Output, speeds: Speeds) -> tuple[ov.Output, ov.Output]:
    """Cosine and sine, f32 [B, 1, S, R], for positions i64 [B, S]; shared by layers and heads."""
    positions = ops.convert(ops.unsqueeze(position_ids, np.array([1, 3])), "f32")
    radians = np.concatenate([speeds.radians, speeds.radians]).astype(np.float32)
    angles = ops.multiply(positions, radians.reshape(1, 1, 1, -1))
    tables: list[ov.Output] = []
    for function in (ops.cos, ops.sin):
        table = function(angles)
        if speeds.magnitude != 1:
            table = ops.multiply(table, np.float32(speeds.magnitude))
        tables.append(table.output(0))
    return tables[0], tables[1]


def rotate(heads: ov.Output, tables: tuple[ov.Output, ov.Output]) -> ov.Output:
    """Rotate [B, H, S, D] by tables [B, 1, S, R]."""
    size = heads.get_partial_shape()[3].get_length()
    rotated = tables[0].get_partial_shape()[3].get_length()
    if rotated == size:
        return _rotate_all(heads, tables)
    parts = ops.variadic_split(heads, np.int64(3), np.array([rotated, size - rotated]))
    return ops.concat([_rotate_all(parts.output(0), tables), parts.output(1)], -1).output(0)


def _rotate_all(heads: ov.Output, tables: tuple[ov.Output, ov.Output]) -> ov.Output:
    half = heads.get_partial_shape()[3].get_length() // 2
    halves = ops.variadic_split(heads, np.int64(3), np.array([half, half]))
    negated = ops.multiply(halves.output(1), np.float32(-1))
    crossed = ops.concat([negated.output(0), halves.output(0)], -1)
    cosine, sine = tables
    return ops.add(ops.multiply(heads, cosine), ops.multiply(crossed, sine)).output(0)
