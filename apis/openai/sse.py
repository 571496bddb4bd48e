"""OpenAI's server-sent events: how chunks, usage and errors leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apis.openai.errors import error_object
from apis.openai.schemas import StreamOptions
from inference.errors import InferenceError

SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class UsageWish:
    """Whether a stream ends with its usage, and whether every chunk is to have the usage so far."""

    at_end: bool = False
    continuous: bool = False

    @classmethod
    def of(cls, options: StreamOptions | None) -> UsageWish:
        """What `stream_options` asks for."""
        if options is None or options.include_usage is not True:
            return cls()
        return cls(True, options.continuous_usage_stats is True)


def event(data: Mapping[str, Any]) -> bytes:
    """One event."""
    return b"data: " + orjson.dumps(data) + b"\n\n"


def error_event(error: InferenceError) -> bytes:
    """The last event of a stream that broke; no end mark follows."""
    return event(error_object(error))
