"""What the engine takes for each sampling parameter, said before it reaches the engine: pure.

Ranges are those of OpenVINO GenAI's GenerationConfig.validate(); where clients commonly send a
value outside that means something to everyone (temperature below 0, top_p 0), it is given that
meaning.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import replace
from typing import TypeVar

from inference.errors import InvalidRequest
from inference.requests import Sampling

Number = TypeVar("Number", int, float)

LARGEST_SEED = 2**63 - 1
LARGEST_TEMPERATURE = 100.0
NEXT_TO_NOTHING = 1e-5
"""The engine computes in 32 bits and divides by the temperature: what is smaller than this counts
as 0, which is what it means."""


def settle(sampling: Sampling) -> Sampling:
    """Every value set and usable; a random seed if none was given. `max_tokens` stays as it is.

    Raises InvalidRequest naming the field, the value and what is allowed.
    """
    for name in (
        "temperature",
        "top_p",
        "min_p",
        "repetition_penalty",
        "presence_penalty",
        "frequency_penalty",
    ):
        value = getattr(sampling, name)
        if value is not None and not math.isfinite(value):
            raise InvalidRequest(f"{name} must be a finite number", field=name)
    temperature = _or(sampling.temperature, 1.0)
    if temperature > LARGEST_TEMPERATURE:
        raise InvalidRequest(
            f"temperature must be between 0 and {LARGEST_TEMPERATURE:g}, got {temperature:g}",
            field="temperature",
        )
    top_p, top_k = _or(sampling.top_p, 1.0), _or(sampling.top_k, 0)
    if top_p < NEXT_TO_NOTHING:
        top_p, top_k = 1.0, 1
    _within("top_p", top_p, 0.0, 1.0)
    _within("min_p", _or(sampling.min_p, 0.0), 0.0, 1.0)
    _within("presence_penalty", _or(sampling.presence_penalty, 0.0), -2.0, 2.0)
    _within("frequency_penalty", _or(sampling.frequency_penalty, 0.0), -2.0, 2.0)
    repetition = _or(sampling.repetition_penalty, 1.0)
    if repetition < NEXT_TO_NOTHING:
        raise InvalidRequest(
            f"repetition_penalty must be above 0, got {repetition:g}", field="repetition_penalty"
        )
    if sampling.max_tokens is not None and sampling.max_tokens < 1:
        raise InvalidRequest(
            f"max_tokens must be at least 1, got {sampling.max_tokens}", field="max_tokens"
        )
    seed = (
        secrets.randbelow(LARGEST_SEED) if sampling.seed is None else sampling.seed & LARGEST_SEED
    )
    return replace(
        sampling,
        temperature=0.0 if temperature < NEXT_TO_NOTHING else temperature,
        top_p=top_p,
        top_k=max(0, top_k),
        min_p=_or(sampling.min_p, 0.0),
        seed=seed,
        repetition_penalty=repetition,
        presence_penalty=_or(sampling.presence_penalty, 0.0),
        frequency_penalty=_or(sampling.frequency_penalty, 0.0),
        stop=tuple(stop for stop in sampling.stop or () if stop),
        ignore_eos=bool(sampling.ignore_eos),
    )


def _or(value: Number | None, default: Number) -> Number:
    return default if value is None else value


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidRequest(
            f"{name} must be between {low:g} and {high:g}, got {value:g}", field=name
        )
