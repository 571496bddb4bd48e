"""What clients of Anthropic get: events, and the one message that they amount to.

A block closes before the next opens; its index counts up. Events of text are a constant beginning,
the text by orjson, a constant end.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Any

import orjson

from apis import times
from apis.anthropic.errors import JSON, TABLE, error_object, text_of
from apis.faults import row_of
from apis.json_text import json_bytes, json_text
from apis.streams import Answer
from inference.errors import InferenceError
from inference.requests import (
    AnswerEvent,
    Finished,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    ToolCall,
)
from inference.snapshot import ModelInfo

SSE = "text/event-stream"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class MessageFrames:
    """The answer of /v1/messages. `stops` are the client's own stop sequences: others that end an
    answer (a model's preset) are none of its business. Without `shows_thinking` blocks of reasoning
    come empty."""

    stream_type = SSE
    answer_type = JSON

    def __init__(
        self,
        request_id: str,
        model: str,
        *,
        input_tokens: int,
        stops: tuple[str, ...] = (),
        shows_thinking: bool = True,
    ) -> None:
        self._request_id = request_id
        self._id = "msg_" + request_id.removeprefix("req_")
        self._model = model
        self._input_tokens = input_tokens
        self._stops = stops
        self._shows_thinking = shows_thinking
        self._index = -1
        self._open = ""  # the type of the block that is open
        self._head = b""
        self._has_calls = False

    def opening(self) -> bytes:
        """The message without its content, and a ping."""
        message = self._message([], usage=usage_of(self._input_tokens))
        return event("message_start", message=message) + PING

    def text(self, delta: TextDelta) -> bytes:
        """New text, in a new block unless one is open."""
        opened = self._begin("text")
        return b"".join((opened, self._head, orjson.dumps(delta.text), b"}}\n\n"))

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """New reasoning, likewise."""
        opened = self._begin("thinking")
        if not self._shows_thinking:
            return opened
        return b"".join((opened, self._head, orjson.dumps(delta.text), b"}}\n\n"))

    def tool_call(self, call: ToolCall) -> bytes:
        """A block of its own, with all of its input in one piece."""
        self._has_calls = True
        arguments = json_text(dict(call.arguments))
        whole = {"type": "input_json_delta", "partial_json": arguments}
        return b"".join(
            (
                self._end(),
                self._start(call_block(call, {})),
                event("content_block_delta", index=self._index, delta=whole),
                self._end(),
            )
        )

    def ping(self) -> bytes:
        """A sign of life."""
        return PING

    def finished(self, finished: Finished) -> bytes:
        """The reason, the usage, the end."""
        reason, sequence = stop_of(finished, self._stops, has_calls=self._has_calls)
        usage = usage_of(self._input_tokens, finished)
        delta = {
            "stop_reason": reason,
            "stop_sequence": sequence,
            "stop_details": None,
            "container": None,
        }
        counts = {name: usage[name] for name in USAGE_AT_THE_END}
        return self._end() + event("message_delta", delta=delta, usage=counts) + MESSAGE_STOP

    def failed(self, error: InferenceError) -> bytes:
        """The error as an event; nothing follows."""
        kind = row_of(TABLE, error).type
        told = error_object(kind, text_of(error), self._request_id)
        return b"event: error\ndata: " + orjson.dumps(told) + b"\n\n"

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The message at once."""
        content: list[dict[str, Any]] = []
        for part in answer.parts:
            self._add(content, part)
        reason, sequence = stop_of(answer.finished, self._stops, has_calls=bool(answer.tool_calls))
        usage = usage_of(answer.finished.prompt_tokens, answer.finished)
        return self._message(content, reason=reason, sequence=sequence, usage=usage)

    def _add(self, content: list[dict[str, Any]], part: AnswerEvent) -> None:
        """What comes next in an answer, as `text`, `thinking` and `tool_call` would write it."""
        if isinstance(part, ToolCall):
            content.append(call_block(part, part.arguments))
            return
        if not part.text:
            return
        kind = "text" if isinstance(part, TextDelta) else "thinking"
        if not content or content[-1]["type"] != kind:
            new = TEXT if kind == "text" else {**THINKING, "signature": self._signature()}
            content.append(dict(new))
        if kind == "text" or self._shows_thinking:
            content[-1][kind] += part.text

    def _message(
        self,
        content: list[dict[str, Any]],
        *,
        usage: dict[str, Any],
        reason: str | None = None,
        sequence: str | None = None,
    ) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": sequence,
            "stop_details": None,
            "container": None,
            "usage": usage,
        }

    def _begin(self, kind: str) -> bytes:
        """The events that open a block of that type, b"" if one is open already."""
        if self._open == kind:
            return b""
        return self._end() + self._start(TEXT if kind == "text" else THINKING)

    def _start(self, block: dict[str, Any]) -> bytes:
        self._open = block["type"]
        self._index += 1
        kind = self._open.encode()
        self._head = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
            b'"delta":{"type":"%b_delta","%b":' % (self._index, kind, kind)
        )
        return event("content_block_start", index=self._index, content_block=block)

    def _end(self) -> bytes:
        """The events that close the open block."""
        kind, self._open = self._open, ""
        if not kind:
            return b""
        signed = b""
        if kind == "thinking":
            signature = {"type": "signature_delta", "signature": self._signature()}
            signed = event("content_block_delta", index=self._index, delta=signature)
        return signed + event("content_block_stop", index=self._index)

    def _signature(self) -> str:
        """Clients only hand it back; they take reasoning without one for unfinished."""
        return base64.b64encode(self._id.encode()).decode()


TEXT: dict[str, Any] = {"type": "text", "text": "", "citations": []}
"""An empty list satisfies clients that want the field as well as those that want a list."""

THINKING: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}

USAGE_AT_THE_END = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens_details",
    "server_tool_use",
)
"""What of the usage a message_delta carries."""


def event(kind: str, **fields: Any) -> bytes:
    """One event, named like its type."""
    data = json_bytes({"type": kind, **fields})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def call_block(call: ToolCall, arguments: Any) -> dict[str, Any]:
    """A call's block."""
    return {
        "type": "tool_use",
        "id": "toolu_" + secrets.token_hex(12),
        "name": call.name,
        "input": arguments,
        "caller": {"type": "direct"},
    }


def stop_of(
    finished: Finished, stops: tuple[str, ...], *, has_calls: bool
) -> tuple[str, str | None]:
    """The stop_reason and the stop_sequence."""
    if has_calls:
        return "tool_use", None
    if finished.reason == FinishReason.LENGTH:
        return "max_tokens", None
    if finished.stop_string in stops:
        return "stop_sequence", finished.stop_string
    return "end_turn", None


def usage_of(input_tokens: int, finished: Finished | None = None) -> dict[str, Any]:
    """The counts, with every key that strict clients look for. Nothing is billed and no cache is
    accounted for; those are zero or null."""
    return {
        "input_tokens": finished.prompt_tokens if finished else input_tokens,
        "output_tokens": finished.completion_tokens if finished else 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens_details": {"thinking_tokens": finished.thinking_tokens if finished else 0},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": None,
    }


def model_object(model: ModelInfo) -> dict[str, Any]:
    """An installed model, for clients of this family that list them."""
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": times.rfc3339(model.modified_at),
        "lifecycle": "active",
        "max_input_tokens": model.context_length,
        "max_tokens": model.context_length,
        "capabilities": None,
    }


def model_list(models: Sequence[ModelInfo]) -> dict[str, Any]:
    """All of them, as one page."""
    return {
        "data": [model_object(model) for model in models],
        "has_more": False,
        "first_id": models[0].name if models else None,
        "last_id": models[-1].name if models else None,
    }
