"""Parts that answers of several of OpenAI's endpoints share: calls, usage, log probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference.requests import Finished, TokenLogprob

FINGERPRINT = "fp_npuconsole"


def usage_of(finished: Sequence[Finished]) -> dict[str, Any]:
    """Token counts of several answers to one prompt, which counts once."""
    completion = sum(item.completion_tokens for item in finished)
    thinking = sum(item.thinking_tokens for item in finished)
    return {
        **counts(finished[0].prompt_tokens, completion),
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


def counts(prompt: int, completion: int) -> dict[str, int]:
    """The three numbers that every usage has."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def token_logprobs(logprobs: Sequence[TokenLogprob], *, alternatives: bool) -> list[dict[str, Any]]:
    """An entry for each token. Of the alternatives only the chosen token itself is known."""
    entries = []
    for one in logprobs:
        entry = {"token": one.text, "logprob": one.logprob, "bytes": list(one.token)}
        entries.append({**entry, "top_logprobs": [entry] if alternatives else []})
    return entries
