"""What clients of Ollama get: NDJSON frames and single objects.

A frame is a constant beginning, the time, the text by orjson, a constant end: 0.2 µs beside 10 µs
for a validated object, and there is one per token.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Any

import orjson

from apis import times
from apis.calls import Call
from apis.faults import as_inference_error
from apis.ollama.errors import JSON, text_of
from apis.streams import Answer
from inference.catalog.jobs import PullWatch
from inference.catalog.progress import PullFrame
from inference.errors import InferenceError
from inference.generation import Generation
from inference.requests import Finished, TextDelta, ThinkingDelta, ToolCall

NDJSON = "application/x-ndjson"


class _Frames(ABC):
    """What the frames of both endpoints share: the head, and that the last frame of a stream and
    the one object of stream: false are the same thing."""

    stream_type = NDJSON
    answer_type = JSON

    def __init__(self, model: str) -> None:
        self._model = model
        self._head = b'{"model":' + orjson.dumps(model) + b',"created_at":"'

    def opening(self) -> bytes:
        """Nothing."""
        return b""

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """Not written yet."""
        return b""

    def tool_call(self, call: ToolCall) -> bytes:
        """Not written yet."""
        return b""

    def ping(self) -> bytes:
        """Nothing: every line is an object to clients."""
        return b""

    def finished(self, finished: Finished) -> bytes:
        """The frame with done: true."""
        return orjson.dumps(self._last("", finished)) + b"\n"

    def failed(self, error: InferenceError) -> bytes:
        """A line with the error; no done frame follows."""
        return error_line(error)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The one object of stream: false."""
        return self._last(answer.text, answer.finished)

    @abstractmethod
    def _last(self, text: str, finished: Finished) -> dict[str, Any]:
        """The object with done: true and `text` in it."""


class GenerateFrames(_Frames):
    """The frames of /api/generate. With `has_context` the last one carries the ids of prompt and
    answer."""

    def __init__(self, model: str, generation: Generation, *, has_context: bool) -> None:
        super().__init__(model)
        self._generation = generation
        self._has_context = has_context

    def text(self, delta: TextDelta) -> bytes:
        """One frame of text."""
        return b"".join(
            (
                self._head,
                times.now().encode(),
                b'","response":',
                orjson.dumps(delta.text),
                b',"done":false}\n',
            )
        )

    def _last(self, text: str, finished: Finished) -> dict[str, Any]:
        context = (
            {"context": [*self._generation.prompt_ids, *self._generation.completion_ids]}
            if self._has_context
            else {}
        )
        return {
            "model": self._model,
            "created_at": times.now(),
            "response": text,
            "done": True,
            "done_reason": str(finished.reason),
            **context,
            **timings(finished),
        }


class ChatFrames(_Frames):
    """The frames of /api/chat."""

    def text(self, delta: TextDelta) -> bytes:
        """One frame of text."""
        return b"".join(
            (
                self._head,
                times.now().encode(),
                b'","message":{"role":"assistant","content":',
                orjson.dumps(delta.text),
                b'},"done":false}\n',
            )
        )

    def _last(self, text: str, finished: Finished) -> dict[str, Any]:
        return {
            "model": self._model,
            "created_at": times.now(),
            "message": {"role": "assistant", "content": text},
            "done": True,
            "done_reason": str(finished.reason),
            **timings(finished),
        }


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
    return orjson.dumps({"error": text_of(error)}) + b"\n"


async def pull_lines(call: Call, watch: PullWatch) -> AsyncGenerator[bytes, None]:
    """The progress of a pull; a pull that fails ends with its error."""
    try:
        async for frame in watch:
            yield orjson.dumps(pull_object(frame)) + b"\n"
    except Exception as error:  # the status is out already, so any error becomes a line
        told = as_inference_error(error, call.request_id)
        call.log_failure(told)
        yield error_line(told)


def pull_object(frame: PullFrame) -> dict[str, Any]:
    """One line of progress; numbers that are zero are left out."""
    line: dict[str, Any] = {"status": frame.status}
    if frame.digest:
        line["digest"] = frame.digest
        line["total"] = frame.total
    if frame.completed:
        line["completed"] = frame.completed
    return line
