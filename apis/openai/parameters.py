"""What chat and completions have in common: sampling, logprobs, and what has no effect. Pure."""

from __future__ import annotations

import re

from pydantic import BaseModel

from apis.conversation import checked_stops
from apis.openai.responses.schemas import ResponsesBody
from apis.openai.schemas import SampledBody
from inference.errors import InvalidRequest
from inference.requests import Sampling

DEFAULTS = Sampling(temperature=1.0, top_p=1.0, top_k=40)
"""For what a client leaves out: OpenAI's own values, and Ollama's top_k, which its OpenAI endpoint
keeps. Without it a small model at temperature 1 draws from all its vocabulary and seldom ends."""

MOST_CHOICES = 16
MOST_TOP_LOGPROBS = 20
LARGEST_INTEGER = 2**31 - 1
MOST_REPORTED = 20
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def read_sampling(body: SampledBody | ResponsesBody, *, limit: str = "max_tokens") -> Sampling:
    """The sampling parameters; `limit` is the field with the most tokens of the answer. Raises
    InvalidRequest naming the field."""
    most = getattr(body, limit)
    if most is not None and most < 1:
        raise InvalidRequest(f"{limit} must be at least 1, got {most}", field=limit)
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(body, name)
        # -1 is how some servers' clients say "all".
        if value is not None and value < 0 and (name, value) != ("top_k", -1):
            raise InvalidRequest(f"{name} must not be negative, got {value:g}", field=name)
    stop = [body.stop] if isinstance(body.stop, str) else body.stop
    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=None if body.top_k is None else min(LARGEST_INTEGER, max(0, body.top_k)),
        min_p=body.min_p,
        seed=body.seed,
        repetition_penalty=body.repetition_penalty,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        max_tokens=None if most is None else min(LARGEST_INTEGER, most),
        stop=None if stop is None else checked_stops(stop),
        ignore_eos=body.ignore_eos,
    )


def read_choices(body: SampledBody) -> int:
    """How many answers are wanted. Raises InvalidRequest."""
    choices = 1 if body.n is None else body.n
    if not 1 <= choices <= MOST_CHOICES:
        raise InvalidRequest(f"n must be between 1 and {MOST_CHOICES}, got {choices}", field="n")
    return choices


def checked_alternatives(count: int | None, field: str) -> int:
    """So many alternatives to each token are wanted in `field`. Raises InvalidRequest."""
    if count is not None and not 0 <= count <= MOST_TOP_LOGPROBS:
        raise InvalidRequest(f"{field} must be between 0 and {MOST_TOP_LOGPROBS}", field=field)
    return count or 0


def lacks_alternatives(count: int, body: SampledBody) -> bool:
    """Whether fewer alternatives to each token are known than were asked for: the engine tells the
    token it chose, which is the likeliest one only where nothing is drawn."""
    return count > 1 or (count == 1 and body.temperature != 0)


def undeclared(body: BaseModel) -> list[str]:
    """The fields that nobody here knows. Names that no client library would send are left out: they
    go into a header."""
    extra = body.model_extra or {}
    names = [name for name, it in extra.items() if it is not None and _NAME.fullmatch(name)]
    return names[:MOST_REPORTED]
