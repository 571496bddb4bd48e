"""How long a request would take on a device: pure arithmetic over what calibration measured.

The router orders devices by it in `measured` mode, and every answer records it beside the time it
really took. All times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from inference.snapshot import BucketInfo, PassportInfo

TYPICAL_OUTPUT_TOKENS = 256
"""Taken for the length of an answer where the client sets no limit."""

CROWDING_PER_STREAM = 0.065
"""How much each other stream on a batching engine slows one: the starter decodes 125 tokens/s
alone, 87 as one of 8 and 41 as one of 32 (README.md)."""


@dataclass(frozen=True, slots=True)
class PairLoad:
    """What a model's engine on a device is doing now.

    `places` is how many requests it serves at once; `seconds_to_ready` an estimate for one that is
    not ready (0.0 = unknown: the passport's load time counts). `quarantine` says why the pair rests
    after failures, "" = it does not.
    """

    state: Literal["cold", "loading", "ready"] = "cold"
    running: int = 0
    queued: int = 0
    places: int = 1
    seconds_to_ready: float = 0.0
    quarantine: str = ""


def can_predict(passport: PassportInfo | None) -> bool:
    """Whether that passport holds a measurement to predict from."""
    return passport is not None and passport.is_verified and any(map(_is_usable, passport.buckets))


def predict_for(passport: PassportInfo, prompt_tokens: int, output_tokens: int) -> float:
    """Prefill and decode on an engine that is loaded and idle. Raises ValueError for a passport
    without a usable measurement (`can_predict`)."""
    ttft, rate = _measured_at(passport, prompt_tokens)
    return ttft + max(0, output_tokens) / rate


def predict_seconds(
    passport: PassportInfo, prompt_tokens: int, output_tokens: int, wait_seconds: float
) -> float:
    """From receipt to the last token, after waiting so long for a place. Raises ValueError like
    `predict_for`."""
    return wait_seconds + predict_for(passport, prompt_tokens, output_tokens)


def predict_finish(
    passport: PassportInfo, load: PairLoad, prompt_tokens: int, output_tokens: int
) -> float:
    """From receipt to the last token as things stand on that pair: its load, its line, and those
    it would share a batch with. Raises ValueError like `predict_for`."""
    ttft, rate = _measured_at(passport, prompt_tokens)
    others = min(load.running, load.places - 1)
    decode = max(0, output_tokens) / rate * (1 + CROWDING_PER_STREAM * max(0, others))
    return load_wait(passport, load) + line_wait(load, ttft + decode) + ttft + decode


def load_wait(passport: PassportInfo, load: PairLoad) -> float:
    """Until the engine can serve: what the residency says, else the passport's load time. What was
    compiled once is cached, so a cold pair loads warm."""
    if load.state == "ready":
        return 0.0
    return load.seconds_to_ready or passport.warm_load_seconds or passport.cold_load_seconds


def line_wait(load: PairLoad, service_seconds: float) -> float:
    """Until a place is free, if everybody takes `service_seconds`; whoever runs is half done."""
    places = max(1, load.places)
    ahead = load.running + load.queued + 1 - places
    return (ahead - 0.5) / places * service_seconds if ahead > 0 else 0.0


def _measured_at(passport: PassportInfo, prompt_tokens: int) -> tuple[float, float]:
    """(seconds to the first token, tokens per second) at that prompt length.

    Between two measured lengths in proportion. Below the shortest its own values: a static NPU
    takes as long for less. Beyond the longest the prefill grows as it last did, the rate stays.
    """
    known = sorted(filter(_is_usable, passport.buckets), key=_length)
    if not known:
        raise ValueError(f"the passport of {passport.model} on {passport.device} has no times")
    first, last = known[0], known[-1]
    if prompt_tokens <= first.prompt_tokens:
        return first.ttft_seconds, first.decode_tokens_per_second
    for below, above in pairwise(known):
        if prompt_tokens <= above.prompt_tokens:
            share = (prompt_tokens - below.prompt_tokens) / (
                above.prompt_tokens - below.prompt_tokens
            )
            return (
                _between(below.ttft_seconds, above.ttft_seconds, share),
                _between(below.decode_tokens_per_second, above.decode_tokens_per_second, share),
            )
    beyond = prompt_tokens - last.prompt_tokens
    return last.ttft_seconds + beyond * _last_slope(known), last.decode_tokens_per_second


def _last_slope(known: list[BucketInfo]) -> float:
    """Prefill seconds per further token behind the longest measured prompt."""
    last = known[-1]
    if len(known) > 1:
        before = known[-2]
        span = last.prompt_tokens - before.prompt_tokens
        if span > 0 and last.ttft_seconds > before.ttft_seconds:
            return (last.ttft_seconds - before.ttft_seconds) / span
    return last.ttft_seconds / max(1, last.prompt_tokens)


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _length(bucket: BucketInfo) -> int:
    return bucket.prompt_tokens


def _is_usable(bucket: BucketInfo) -> bool:
    return bucket.decode_tokens_per_second > 0 and bucket.ttft_seconds >= 0
