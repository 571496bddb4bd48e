"""What clients of Ollama get: NDJSON frames and single objects.

A frame is a constant beginning, the time, the text by orjson, a constant end: 0.2 µs beside 10 µs
for a validated object, and there is one per token.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Any

import orjson

from apis import times
from apis.calls import Call
from apis.conversation import new_call_id
from apis.json_text import json_bytes
from apis.ollama.errors import JSON, error_object
from apis.progress import progress_object, step_lines
from apis.streams import Answer
from inference.catalog.progress import PullFrame
from inference.errors import InferenceError
from inference.generation import Generation
from inference.requests import Finished, TextDelta, ThinkingDelta, TokenLogprob, ToolCall

NDJSON = "application/x-ndjson"
LEAST_LOGPROB = -9999.0
"""JSON has no infinity."""


class _Frames(ABC):
    """What the frames of both endpoints share: the head, and that the last frame of a stream and
    the one object of stream: false are the same thing. `top_logprobs` is how many tokens a client
    wants to see at each place; the engine knows the one it chose."""

    stream_type = NDJSON
    answer_type = JSON

    def __init__(self, model: str, *, top_logprobs: int = 0) -> None:
        self._model = model
        self._top_logprobs = top_logprobs
        self._head = b'{"model":' + orjson.dumps(model) + b',"created_at":"'

    def opening(self) -> bytes:
        """Nothing."""
        return b""

    def text(self, delta: TextDelta) -> bytes:
        """One frame of text."""
        return self._frame(self._said(orjson.dumps(delta.text)), delta.logprobs)

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """One frame of reasoning."""
        thought = b'"","thinking":' + orjson.dumps(delta.text)
        return self._frame(self._said(thought), delta.logprobs)

    def ping(self) -> bytes:
        """Nothing: every line is an object to clients."""
        return b""

    def finished(self, finished: Finished) -> bytes:
        """The frame with done: true."""
        return orjson.dumps(self._last(Answer("", finished))) + b"\n"

    def failed(self, error: InferenceError) -> bytes:
        """A line with the error; no done frame follows."""
        return error_line(error)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The one object of stream: false."""
        return self._last(answer)

    def _frame(self, said: bytes, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        shown = b""
        if logprobs:
            shown = b',"logprobs":' + orjson.dumps(self._shown(logprobs))
        parts = (self._head, times.now().encode(), b'",', said, shown, b',"done":false}\n')
        return b"".join(parts)

    def _shown(self, logprobs: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
        return [logprob_item(one, self._top_logprobs) for one in logprobs]

    def _whole_frame(self, answer: Answer, said: dict[str, Any]) -> dict[str, Any]:
        """What every object with done: true has."""
        logprobs = {"logprobs": self._shown(answer.logprobs)} if answer.logprobs else {}
        return {
            "model": self._model,
            "created_at": times.now(),
            **said,
            **logprobs,
            "done": True,
            "done_reason": str(answer.finished.reason),
        }

    @abstractmethod
    def tool_call(self, call: ToolCall) -> bytes:
        """The frame of one whole call."""

    @abstractmethod
    def _said(self, text: bytes) -> bytes:
        """The field that has the text, which is JSON already."""

    @abstractmethod
    def _last(self, answer: Answer) -> dict[str, Any]:
        """The object with done: true."""


class GenerateFrames(_Frames):
    """The frames of /api/generate. With `has_context` the last one carries the ids of prompt and
    answer."""

    def __init__(
        self, model: str, generation: Generation, *, has_context: bool, top_logprobs: int = 0
    ) -> None:
        super().__init__(model, top_logprobs=top_logprobs)
        self._generation = generation
        self._has_context = has_context

    def tool_call(self, call: ToolCall) -> bytes:
        """Nothing: these requests have no tools."""
        return b""

    def _said(self, text: bytes) -> bytes:
        return b'"response":' + text

    def _last(self, answer: Answer) -> dict[str, Any]:
        said = {"response": answer.text}
        if answer.thinking:
            said["thinking"] = answer.thinking
        context = (
            {"context": [*self._generation.prompt_ids, *self._generation.completion_ids]}
            if self._has_context
            else {}
        )
        return {**self._whole_frame(answer, said), **context, **timings(answer.finished)}


class ChatFrames(_Frames):
    """The frames of /api/chat."""

    def tool_call(self, call: ToolCall) -> bytes:
        """One frame with one whole call and no text."""
        return self._frame(self._said(b'"","tool_calls":' + json_bytes([call_object(call)])))

    def _said(self, text: bytes) -> bytes:
        return b'"message":{"role":"assistant","content":' + text + b"}"

    def _last(self, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.thinking:
            message["thinking"] = answer.thinking
        if answer.tool_calls:
            message["tool_calls"] = [call_object(call) for call in answer.tool_calls]
        return {**self._whole_frame(answer, {"message": message}), **timings(answer.finished)}


def call_object(call: ToolCall) -> dict[str, Any]:
    """A call as message.tool_calls has it."""
    return {
        "id": new_call_id(),
        "function": {
            "index": call.index,
            "name": call.name,
            "arguments": dict(call.arguments),
        },
    }


def logprob_item(token: TokenLogprob, top_logprobs: int) -> dict[str, Any]:
    """One token of `logprobs`; its list of the likeliest has only the token itself."""
    item = {
        "token": token.text,
        "logprob": max(token.logprob, LEAST_LOGPROB),
        "bytes": list(token.token),
    }
    return {**item, "top_logprobs": [item]} if top_logprobs else item


def timings(finished: Finished) -> dict[str, int]:
    """Counts and nanoseconds. `load_duration` is everything before the engine began with the
    prompt. Counters that are zero are left out, as Go's encoder does."""
    measured = finished.timings
    before = max(measured.ttft - measured.prefill, measured.queue + measured.load, 1e-9)
    decode = times.nanoseconds(max(measured.decode, 1e-9))
    values = {
        "total_duration": max(times.nanoseconds(measured.total), decode),
        "load_duration": times.nanoseconds(before),
        "prompt_eval_count": finished.prompt_tokens,
        "prompt_eval_duration": times.nanoseconds(max(measured.prefill, 1e-9)),
        "eval_count": finished.completion_tokens,
        "eval_duration": decode,
    }
    return {name: value for name, value in values.items() if value}


def without_inference(model: str, reason: str, *, chat: bool) -> dict[str, Any]:
    """The answer to a request that only loads or unloads."""
    said: dict[str, Any] = (
        {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
    )
    return {
        "model": model,
        "created_at": times.now(),
        **said,
        "done": True,
        "done_reason": reason,
    }


def rendered(model: str, prompt: str, *, chat: bool, images: int = 0) -> dict[str, Any]:
    """The answer to _debug_render_only."""
    said: dict[str, Any] = (
        {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
    )
    return {
        "model": model,
        "created_at": times.now(),
        **said,
        "done": False,
        "_debug_info": {"rendered_template": prompt, "image_count": images},
    }


def error_line(error: InferenceError) -> bytes:
    """An error after the first frame."""
    return orjson.dumps(error_object(error)) + b"\n"


def progress_lines(call: Call, frames: AsyncIterable[PullFrame]) -> AsyncGenerator[bytes, None]:
    """The progress of a pull, create or push; one that fails ends with its error."""
    return step_lines(call, frames, progress_object, error_object)
