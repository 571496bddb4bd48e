"""What clients of OpenAI get: SSE chunks and single objects."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import orjson

from apis.openai.errors import JSON, error_object
from apis.streams import Answer
from inference.errors import InferenceError
from inference.requests import Finished, TextDelta, ThinkingDelta, ToolCall
from inference.snapshot import ModelInfo

SSE = "text/event-stream"
FINGERPRINT = "fp_npuconsole"
DONE = b"data: [DONE]\n\n"


class ChatFrames:
    """The chunks of /v1/chat/completions: one id and one time for all, the role in the first."""

    stream_type = SSE
    answer_type = JSON

    def __init__(self, request_id: str, model: str, *, include_usage: bool) -> None:
        self._id = f"chatcmpl-{request_id.removeprefix('req_')}"
        self._model = model
        self._created = int(time.time())
        self._include_usage = include_usage
        shared = {**self._shared("chat.completion.chunk"), "choices": 0}
        opening = orjson.dumps(shared).removesuffix(b"0}")
        self._head = b"data: " + opening + b'[{"index":0,"delta":'
        # Who asks for the usage is told in every chunk that it is not there yet.
        usage = b',"usage":null' if include_usage else b""
        self._tail = b',"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"

    def opening(self) -> bytes:
        """The chunk with the role."""
        return self._head + b'{"role":"assistant","content":""}' + self._tail

    def text(self, delta: TextDelta) -> bytes:
        """One chunk of text."""
        return b"".join((self._head, b'{"content":', orjson.dumps(delta.text), b"}", self._tail))

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """One chunk of reasoning."""
        return b"".join((self._head, b'{"reasoning":', orjson.dumps(delta.text), b"}", self._tail))

    def tool_call(self, call: ToolCall) -> bytes:
        """Not written yet."""
        return b""

    def ping(self) -> bytes:
        """Nothing: not every client reads comments."""
        return b""

    def finished(self, finished: Finished) -> bytes:
        """The chunk with the reason, the one with the usage if it was asked for, the end mark."""
        reason = orjson.dumps(str(finished.reason))
        usage = b',"usage":null' if self._include_usage else b""
        pieces = [
            self._head,
            b'{},"logprobs":null,"finish_reason":' + reason + b"}]" + usage + b"}\n\n",
        ]
        if self._include_usage:
            last = {
                **self._shared("chat.completion.chunk"),
                "choices": [],
                "usage": usage_of([finished]),
            }
            pieces.append(b"data: " + orjson.dumps(last) + b"\n\n")
        pieces.append(DONE)
        return b"".join(pieces)

    def failed(self, error: InferenceError) -> bytes:
        """The error as an event; no end mark follows."""
        return b"data: " + orjson.dumps(error_object(error)) + b"\n\n"

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The object of an answer that is not streamed."""
        return self.all([answer])

    def all(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """The object of several answers to the same prompt."""
        return {
            **self._shared("chat.completion"),
            "choices": [
                {
                    "index": index,
                    "message": {
                        "role": "assistant",
                        "content": answer.text,
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": str(answer.finished.reason),
                }
                for index, answer in enumerate(answers)
            ],
            "usage": usage_of([answer.finished for answer in answers]),
        }

    def _shared(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": FINGERPRINT,
        }


def usage_of(finished: Sequence[Finished]) -> dict[str, int]:
    """Token counts; a prompt that was answered several times counts once."""
    prompt = finished[0].prompt_tokens
    completion = sum(item.completion_tokens for item in finished)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def model_object(model: ModelInfo) -> dict[str, Any]:
    """An installed model."""
    return {
        "id": model.name,
        "object": "model",
        "created": int(model.modified_at.timestamp()),
        "owned_by": "library",
    }
