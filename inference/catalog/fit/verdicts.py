"""Whether one device can run one model: a pure decision, and the sentence that explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from inference.catalog.fit.kinds import Kind
from inference.catalog.fit.memory import CACHE_BYTES, engine_bytes, kv_bytes_per_token
from inference.catalog.fit.recipe import Legality, judge_recipe
from inference.catalog.fit.shape import ModelShape
from inference.catalog.fit.weights import Format, Weights

STATIC_STEP = 256
"""Static prompt lengths are multiples of this many tokens (`inference.residency.spec`)."""
_LEAST_TOKENS = 512
"""A shorter context than this is of no use to anyone."""
_UNKNOWN_CONTEXT = 4096


class Answer(StrEnum):
    """The verdict in one word."""

    FITS = "fits"
    LIMITED = "fits with limits"
    NOT = "does not fit"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Room:
    """What one device has. `memory_bytes` is for all its engines; `max_prompt_len` None means the
    model's own; `token_limit` is the longest prompt that the routing rule sends an NPU."""

    device: str
    memory_bytes: int
    is_present: bool = True
    emulated: bool = False
    max_prompt_len: int | None = None
    min_response_len: int = 512
    token_limit: int = 1800
    kv_precision: str = ""

    @property
    def device_class(self) -> str:
        """NPU, GPU or CPU."""
        return self.device.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tokens` is the longest prompt plus answer that fits, 0 none or unknown; `max_prompt` the
    static prompt length of an NPU's engine, 0 elsewhere; `memory_bytes` what that takes."""

    device: str
    is_present: bool
    emulated: bool
    answer: Answer
    reason: str
    tokens: int = 0
    max_prompt: int = 0
    memory_bytes: int = 0
    kv_bytes_per_token: int = 0


def judge(
    room: Room, kind: Kind, shape: ModelShape | None, weights: Weights, refusal: str = ""
) -> Verdict:
    """The verdict for that device. `refusal` is why a model of this kind runs nowhere."""
    if refusal:
        return _verdict(room, Answer.NOT, refusal)
    if weights.format is Format.NONE:
        return _verdict(room, Answer.UNKNOWN, "no weights that can be read are among its files")
    fixed = engine_bytes(weights.loaded_bytes)
    if weights.loaded_bytes and fixed > room.memory_bytes:
        return _verdict(
            room,
            Answer.NOT,
            f"its weights alone need {_size(fixed)}; {room.device} has {_size(room.memory_bytes)}",
            memory_bytes=fixed,
        )
    if shape is None or not weights.loaded_bytes:
        return _verdict(
            room,
            Answer.UNKNOWN,
            f"{_size(weights.download_bytes)} of files, but nothing tells its layers before the "
            "download",
            memory_bytes=fixed,
        )
    if kind is Kind.ENCODER:
        told = f"an encoder of {_size(weights.loaded_bytes)} for texts up to {shape.context} tokens"
        return _verdict(room, Answer.FITS, told, tokens=shape.context, memory_bytes=fixed)
    found = (
        _static(room, shape, fixed) if room.device_class == "NPU" else _paged(room, shape, fixed)
    )
    if found.answer is not Answer.NOT and room.device_class == "NPU" and not room.emulated:
        found = _with_recipe(found, shape, weights)
    return _with_conversion(found, weights)


def _paged(room: Room, shape: ModelShape, fixed: int) -> Verdict:
    """CPU and GPU: pages as they are needed, up to the cache's and the device's size."""
    each = kv_bytes_per_token(shape, room.device_class, room.kv_precision)
    trained = shape.context or _UNKNOWN_CONTEXT
    longest = min(trained, room.max_prompt_len or trained)
    wanted = min(trained, longest + room.min_response_len)
    held = min(CACHE_BYTES, room.memory_bytes - fixed) // each
    tokens = min(wanted, held)
    need = fixed + tokens * each
    numbers = f"{_size(need)} of {_size(room.memory_bytes)}, {each:,} bytes for each token"
    if tokens < min(_LEAST_TOKENS, wanted):
        return _verdict(
            room, Answer.NOT, f"beside its weights {held:,} tokens would have room", kv=each
        )
    if tokens < wanted:
        said = f"context up to {tokens:,} of {wanted:,} tokens: {numbers}"
        return _verdict(room, Answer.LIMITED, said, tokens=tokens, memory_bytes=need, kv=each)
    said = f"context up to {tokens:,} tokens: {numbers}"
    return _verdict(room, Answer.FITS, said, tokens=tokens, memory_bytes=need, kv=each)


def static_prompt(room: Room, trained: int) -> int:
    """The prompt length that an NPU's engine is compiled for (`residency.spec.lengths`)."""
    longest = min(trained, room.max_prompt_len or trained)
    return min(longest, STATIC_STEP * math.ceil(room.token_limit / STATIC_STEP))


def _static(room: Room, shape: ModelShape, fixed: int) -> Verdict:
    """NPU: the whole cache is there from the first token on, for prefill and for generation."""
    each = kv_bytes_per_token(shape, "NPU", room.kv_precision)
    trained = shape.context or _UNKNOWN_CONTEXT
    wanted = static_prompt(room, trained)
    prompt = wanted
    while prompt > 0 and _static_bytes(prompt, room, each, fixed) > room.memory_bytes:
        prompt -= STATIC_STEP
    if prompt <= 0:
        least = _static_bytes(min(wanted, STATIC_STEP), room, each, fixed)
        said = (
            f"static shapes for {min(wanted, STATIC_STEP):,} + {room.min_response_len:,} tokens "
            f"need {_size(least)}; {room.device} has {_size(room.memory_bytes)}"
        )
        return _verdict(room, Answer.NOT, said, memory_bytes=least, kv=each)
    need = _static_bytes(prompt, room, each, fixed)
    # The static cache holds one token less than both lengths together.
    tokens = min(trained, prompt + room.min_response_len - 1)
    said = (
        f"static shapes for prompts of {prompt:,} and answers of {room.min_response_len:,} tokens "
        f"take {_size(need)} of {_size(room.memory_bytes)}, {each:,} bytes for each token"
    )
    answer = Answer.FITS
    if prompt < wanted:
        answer = Answer.LIMITED
        said += f"; set its longest prompt to {prompt:,}, because {wanted:,} would not fit"
    return _verdict(
        room, answer, said, tokens=tokens, max_prompt=prompt, memory_bytes=need, kv=each
    )


def _static_bytes(prompt: int, room: Room, each: int, fixed: int) -> int:
    """Prefill and generation are two networks: the prompt's part is there twice."""
    return fixed + each * (2 * prompt + room.min_response_len)


def _with_recipe(found: Verdict, shape: ModelShape, weights: Weights) -> Verdict:
    legality, words = judge_recipe(weights.recipe)
    if weights.format is Format.SAFETENSORS:
        return found  # the conversion makes the NPU's recipe
    if legality is Legality.LEGAL:
        return _changed(found, found.answer, f"{found.reason}; {words}")
    if legality is Legality.UNPROVEN:
        return _changed(found, Answer.LIMITED, f"{words}: let a calibration tell; {found.reason}")
    return _changed(found, Answer.NOT if legality is Legality.ILLEGAL else Answer.UNKNOWN, words)


def _with_conversion(found: Verdict, weights: Weights) -> Verdict:
    if weights.format is not Format.SAFETENSORS or found.answer is Answer.NOT:
        return found
    words = f"after its conversion to int4 (about {_size(weights.loaded_bytes)})"
    return _changed(found, Answer.LIMITED, f"{words}: {found.reason}")


def _changed(found: Verdict, answer: Answer, reason: str) -> Verdict:
    return Verdict(
        found.device,
        found.is_present,
        found.emulated,
        answer,
        reason,
        found.tokens if answer in (Answer.FITS, Answer.LIMITED) else 0,
        found.max_prompt if answer in (Answer.FITS, Answer.LIMITED) else 0,
        found.memory_bytes,
        found.kv_bytes_per_token,
    )


def _verdict(
    room: Room,
    answer: Answer,
    reason: str,
    *,
    tokens: int = 0,
    max_prompt: int = 0,
    memory_bytes: int = 0,
    kv: int = 0,
) -> Verdict:
    return Verdict(
        room.device,
        room.is_present,
        room.emulated,
        answer,
        reason,
        tokens,
        max_prompt,
        memory_bytes,
        kv,
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
