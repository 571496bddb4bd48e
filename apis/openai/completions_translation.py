"""From the body of /v1/completions to internal requests, one for each prompt. Pure: raises
InferenceError, asks nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apis.calls import Call
from apis.conversation import needs_of
from apis.keep_alive import parse_keep_alive
from apis.openai.parameters import (
    DEFAULTS,
    checked_alternatives,
    lacks_alternatives,
    read_sampling,
    undeclared,
)
from apis.openai.schemas import CompletionBody
from apis.wishes import Asked
from inference.errors import InvalidRequest
from inference.requests import GenerationRequest
from inference.snapshot import ModelInfo

COMPLETION_DEFAULTS = replace(DEFAULTS, max_tokens=16)
"""OpenAI's own length: a prompt that is no conversation gives a model no place to end. Answers that
it cut say so (finish_reason "length")."""

MOST_ANSWERS = 100
"""Choices of all prompts together."""

Prompt = str | tuple[int, ...]


def read_prompts(prompt: Any, model: ModelInfo) -> list[Prompt]:
    """A text, a list of texts, token ids, or a list of those. Raises InvalidRequest."""
    prompts: list[Prompt]
    if isinstance(prompt, str):
        prompts = [prompt]
    elif not isinstance(prompt, list) or not prompt:
        raise InvalidRequest("prompt must be a text, token ids, or a list of those", field="prompt")
    elif _are_tokens(prompt):
        prompts = [tuple(prompt)]
    elif len(prompt) > MOST_ANSWERS:
        raise InvalidRequest(
            f"prompt: at most {MOST_ANSWERS} prompts in one request", field="prompt"
        )
    else:
        prompts = [_one(item, f"prompt[{place}]") for place, item in enumerate(prompt)]
    size = int(model.facts.get("vocab_size") or 0)
    for one in prompts:
        if not one:
            raise InvalidRequest("prompt: a prompt is empty", field="prompt")
        if not isinstance(one, str) and any(not 0 <= it < (size or it + 1) for it in one):
            raise InvalidRequest(
                "prompt holds a number that is no token of this model", field="prompt"
            )
    return prompts


def completion_requests(
    call: Call, body: CompletionBody, asked: Asked, prompts: list[Prompt]
) -> list[GenerationRequest]:
    """A request for each prompt. Raises InvalidRequest naming the field."""
    count = checked_alternatives(body.logprobs, "logprobs")
    choices = body.n or 1
    if body.best_of is not None and body.best_of < choices:
        raise InvalidRequest("best_of must not be less than n", field="best_of")
    if body.suffix and any(not isinstance(prompt, str) for prompt in prompts):
        raise InvalidRequest("suffix needs a prompt that is a text", field="suffix")
    shared = GenerationRequest(
        model=asked.model,
        family="openai",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        turn=call.turn,
        received_at=call.received_at,
        suffix=body.suffix or "",
        sampling=read_sampling(body),
        defaults=COMPLETION_DEFAULTS,
        logprobs=None if body.logprobs is None else count,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=_ignored(body, count),
        needs=needs_of(logprobs=body.logprobs is not None),
        wish=asked.wish,
        is_strict=asked.is_strict,
        is_streamed=body.stream is True,
    )
    return [
        replace(shared, prompt=prompt)
        if isinstance(prompt, str)
        else replace(shared, prompt="", context_ids=prompt)
        for prompt in prompts
    ]


def _ignored(body: CompletionBody, alternatives: int) -> tuple[str, ...]:
    """What has no effect. The engine tells neither what it might have chosen instead nor how likely
    the prompt was."""
    names = [name for name in ("logit_bias", "min_tokens") if getattr(body, name)]
    if (body.best_of or 1) > (body.n or 1):
        names.append("best_of")
    if lacks_alternatives(alternatives, body):
        names.append("logprobs: alternatives")
    if body.echo and body.logprobs is not None:
        names.append("logprobs: of the prompt")
    return (*names, *undeclared(body))


def _one(item: Any, field: str) -> Prompt:
    if isinstance(item, str):
        return item
    if isinstance(item, list) and _are_tokens(item):
        return tuple(item)
    raise InvalidRequest(f"{field} must be a text or token ids", field=field)


def _are_tokens(items: list[Any]) -> bool:
    # A bool is an int for Python, and no token for anybody.
    return bool(items) and all(type(item) is int for item in items)
