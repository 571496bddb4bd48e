"""Whether a device answers as the CPU does: pure decisions over token ids.

Greedy answers of two healthy devices part after some tokens, because precision and batch shapes
differ; a device that reads long prompts wrongly answers something else from the first token on, or
repeats one token, without an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_TOKENS = 4
"""So many must be equal at the beginning of an answer."""

Tokens = Sequence[int]


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was found at one prompt length. `agreed_tokens` of `compared_tokens` were equal up to
    the first difference, over all prompts; none were compared where there is no reference."""

    prompt_tokens: int
    agreed_tokens: int
    compared_tokens: int
    is_verified: bool
    ttft_seconds: float
    decode_tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a device's answers at one prompt length compare with the CPU's."""

    agreed_tokens: int
    compared_tokens: int
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all buckets say together; `reason` is in words, also where something was left out."""

    is_verified: bool
    verified_prompt_tokens: int
    reason: str


def agree(reference: Sequence[Tokens], answers: Sequence[Tokens]) -> Agreement:
    """Compare the answers to the same prompts, in the same order. Verified when one of them begins
    like the CPU's and none is a single repeated token where the CPU's is not."""
    pairs = list(zip(reference, answers, strict=True))
    agreed = [_common(wanted, answer) for wanted, answer in pairs]
    enough = any(
        wanted and common >= min(FIRST_TOKENS, len(wanted))
        for common, (wanted, _) in zip(agreed, pairs, strict=True)
    )
    broken = any(is_degenerate(answer) and not is_degenerate(wanted) for wanted, answer in pairs)
    return Agreement(sum(agreed), sum(len(w) for w, _ in pairs), enough and not broken)


def is_degenerate(answer: Tokens) -> bool:
    """Whether an answer is nothing, or one token again and again."""
    return len(set(answer)) <= 1 and len(answer) != 1


def verdict(
    buckets: Sequence[Bucket],
    *,
    last_length: int,
    longest_prompt: int,
    is_static: bool,
    failure: str = "",
    note: str = "",
) -> Verdict:
    """Up to which prompt length, in tokens, the pair can be used.

    `last_length` is the longest that was to be measured. `failure` says why the device could not
    go on, `note` what was left out without the device's fault. Agreement up to `last_length` stands
    for the whole limit. Short of it, an NPU (`is_static`) is trusted only as far as it was
    compared; other devices, which answer rightly at every length or at none, up to their limit.
    """
    verified = 0
    for bucket in buckets:
        if not bucket.is_verified:
            failure = failure or _why_not(bucket, note)
            break
        verified = bucket.prompt_tokens
    if not verified:
        return Verdict(False, 0, failure or note or "nothing was measured")
    if not failure and (verified >= last_length or not is_static):
        verified = longest_prompt
    return Verdict(True, verified, failure or note)


def _why_not(bucket: Bucket, note: str) -> str:
    if not bucket.compared_tokens and note:
        return note
    return f"its answers to {bucket.prompt_tokens:,} tokens are not the CPU's"


def _common(wanted: Tokens, answer: Tokens) -> int:
    """How many tokens are equal before the first difference."""
    for place, (one, other) in enumerate(zip(wanted, answer, strict=False)):
        if one != other:
            return place
    return min(len(wanted), len(answer))
