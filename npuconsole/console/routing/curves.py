"""What calibration measured, drawn over the prompt length: first token, decoding, whole answers.

Pure. Measurements are dots; the lines between and beyond them are what the router predicts with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference.prediction import TYPICAL_OUTPUT_TOKENS, can_predict, predict_for
from inference.snapshot import PassportInfo, Snapshot
from npuconsole.console.routing.diagram import hue_of, is_emulated
from npuconsole.console.routing.token_axis import TokenAxis

NBSP = "\N{NO-BREAK SPACE}"
_CLOSE_PERCENT = 14.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One measurement, in percent from the left and the top."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """One device. `known` goes through the measurements, `beyond` on from the longest: points of an
    SVG polyline in percent. The name stands at `name_x`, `name_y`, `name_dy` pixels off."""

    device: str
    hue: str
    is_emulated: bool
    known: str
    beyond: str
    dots: tuple[Dot, ...]
    name_x: float
    name_y: float
    name_dy: int = -8


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure over the prompt length. `rules` are the levels, as (percent from the top, words);
    `rows` the same measurements for a table: length, then one text for each line."""

    title: str
    lines: tuple[Line, ...]
    rules: tuple[tuple[float, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def draw_charts(model: str, picture: Snapshot, axis: TokenAxis) -> list[Chart]:
    """First token, decoding and whole answer for every device with a usable passport of that model;
    none without any."""
    known = [
        passport
        for device in picture.devices
        if (passport := picture.passports.get((model, device.name))) and can_predict(passport)
    ]
    known.sort(key=lambda passport: {"NPU": 0, "GPU": 1, "CPU": 2}.get(passport.device[:3], 3))
    if not known:
        return []
    answer = f"Whole answer of {TYPICAL_OUTPUT_TOKENS} tokens, predicted"
    return [
        _chart("Time to the first token", known, picture, axis, _first_token, _seconds),
        _chart("Decoding speed", known, picture, axis, _speed, _rate),
        _chart(answer, known, picture, axis, _whole, _seconds),
    ]


def _first_token(passport: PassportInfo, tokens: int) -> float:
    return predict_for(passport, tokens, 0)


def _speed(passport: PassportInfo, tokens: int) -> float:
    return 1 / (predict_for(passport, tokens, 1) - predict_for(passport, tokens, 0))


def _whole(passport: PassportInfo, tokens: int) -> float:
    return predict_for(passport, tokens, TYPICAL_OUTPUT_TOKENS)


def _chart(
    title: str,
    known: Sequence[PassportInfo],
    picture: Snapshot,
    axis: TokenAxis,
    value: Callable[[PassportInfo, int], float],
    words: Callable[[float], str],
) -> Chart:
    curves = {passport.device: _lengths(passport, axis) for passport in known}
    top = max(value(passport, n) for passport in known for n in curves[passport.device])
    step = _round_step(top / 2.5)
    top = max(top * 1.12, step)

    def height(number: float) -> float:
        return round(100 - 100 * number / top, 2)

    lines = []
    for passport in known:
        lengths = curves[passport.device]
        measured = sorted(bucket.prompt_tokens for bucket in passport.buckets)
        points = [(n, f"{axis.place(n)},{height(value(passport, n))}") for n in lengths]
        dots = tuple(
            Dot(
                axis.place(n),
                height(value(passport, n)),
                f"{passport.device}, {n:,} tokens: {words(value(passport, n))}",
            )
            for n in measured
        )
        lines.append(
            Line(
                passport.device,
                hue_of(passport.device),
                is_emulated(passport.device, picture),
                " ".join(text for n, text in points if n <= measured[-1]),
                " ".join(text for n, text in points if n >= measured[-1]),
                dots,
                axis.place(lengths[-1]),
                height(value(passport, lengths[-1])),
            )
        )
    levels = [step * n for n in range(1, math.floor(top / step) + 1)]
    return Chart(
        title,
        _names_apart(lines),
        tuple((height(level), words(level)) for level in levels),
        _rows(known, value, words),
    )


def _lengths(passport: PassportInfo, axis: TokenAxis) -> list[int]:
    """Where to draw: as far as the device was verified, or measured."""
    measured = {bucket.prompt_tokens for bucket in passport.buckets}
    last = max(*measured, passport.verified_prompt_tokens)
    return sorted({n for n in axis.lengths() if n <= last} | measured | {last})


def _names_apart(lines: list[Line]) -> tuple[Line, ...]:
    """With a name below its line where another line ends close above it."""
    placed = []
    for line in lines:
        close = [
            other
            for other in lines
            if other is not line
            and abs(other.name_x - line.name_x) < 2 * _CLOSE_PERCENT
            and abs(other.name_y - line.name_y) < 2 * _CLOSE_PERCENT
        ]
        is_below = any(other.name_y < line.name_y for other in close)
        placed.append(replace(line, name_dy=16 if is_below and line.name_y < 85 else -8))
    return tuple(placed)


def _rows(
    known: Sequence[PassportInfo],
    value: Callable[[PassportInfo, int], float],
    words: Callable[[float], str],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    lengths = sorted({bucket.prompt_tokens for passport in known for bucket in passport.buckets})
    return tuple(
        (
            f"{n:,}",
            tuple(
                words(value(passport, n))
                if any(bucket.prompt_tokens == n for bucket in passport.buckets)
                else "not measured"
                for passport in known
            ),
        )
        for n in lengths
    )


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, not far above that."""
    power = 10 ** math.floor(math.log10(max(rough, 1e-6)))
    return float(power * max(factor for factor in (1, 2, 5) if factor * power <= 1.2 * rough))


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f}{NBSP}ms"
    return f"{seconds:.2g}{NBSP}s" if seconds < 10 else f"{seconds:.0f}{NBSP}s"


def _rate(rate: float) -> str:
    return f"{rate:.1f}{NBSP}tok/s" if rate < 10 else f"{rate:.0f}{NBSP}tok/s"
