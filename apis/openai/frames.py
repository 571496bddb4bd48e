"""What clients of /v1/chat/completions and /v1/models get: SSE chunks and single objects."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from apis.conversation import new_call_id
from apis.json_text import json_text
from apis.openai.answer_parts import (
    FINGERPRINT,
    counts,
    token_logprobs,
    usage_of,
)
from apis.openai.choices import Progress
from apis.openai.errors import JSON
from apis.openai.sse import DONE, SSE, UsageWish, error_event, event
from apis.streams import Answer
from inference.errors import InferenceError
from inference.requests import (
    Finished,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    TokenLogprob,
    ToolCall,
)
from inference.snapshot import ModelInfo


@dataclass(frozen=True, slots=True)
class ChatStyle:
    """What the request makes of its answers. `alternatives` wants a list beside each token's log
    probability; calls of a `is_legacy` request go out as function_call; `is_named` says that the
    client chose the function itself."""

    logprobs: bool = False
    alternatives: bool = False
    is_legacy: bool = False
    is_named: bool = False

    def finish_reason(self, finished: Finished, *, has_calls: bool) -> str:
        """Why the answer ended. A call that the client chose itself ends with "stop", as OpenAI's
        does; one that was cut off is no call."""
        if finished.reason != FinishReason.STOP or not has_calls or self.is_named:
            return str(finished.reason)
        return "function_call" if self.is_legacy else "tool_calls"

    def logprobs_of(self, logprobs: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        """The `logprobs` of a choice."""
        if not self.logprobs:
            return None
        content = token_logprobs(logprobs, alternatives=self.alternatives)
        return {"content": content, "refusal": None}


class ChatFrames:
    """What goes out for one request: one id and one time for all of it."""

    stream_type = SSE
    answer_type = JSON

    def __init__(
        self,
        request_id: str,
        model: str,
        *,
        usage: UsageWish = UsageWish(),
        style: ChatStyle = ChatStyle(),
    ) -> None:
        self.usage = usage
        self.style = style
        self._id = f"chatcmpl-{request_id.removeprefix('req_')}"
        self._model = model
        self._created = int(time.time())

    def choice(self, index: int, progress: Progress, *, is_alone: bool = False) -> ChatChoice:
        """The writer of one of the answers."""
        return ChatChoice(self, index, progress, is_alone=is_alone)

    def end(self, finished: Sequence[Finished]) -> bytes:
        """What follows the last chunk of the last answer: the usage if it is wanted, the end
        mark."""
        if not self.usage.at_end:
            return DONE
        head = self.shared("chat.completion.chunk")
        return event({**head, "choices": [], "usage": usage_of(finished)}) + DONE

    def failed(self, error: InferenceError) -> bytes:
        """The error as an event; no end mark follows."""
        return error_event(error)

    def whole(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """The object of answers that are not streamed."""
        return {
            **self.shared("chat.completion"),
            "choices": [self._choice(index, answer) for index, answer in enumerate(answers)],
            "usage": usage_of([answer.finished for answer in answers]),
        }

    def shared(self, kind: str) -> dict[str, Any]:
        """The fields that every object of this request begins with."""
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": FINGERPRINT,
        }

    def _choice(self, index: int, answer: Answer) -> dict[str, Any]:
        has_calls = bool(answer.tool_calls)
        return {
            "index": index,
            "message": self._message(answer),
            "logprobs": self.style.logprobs_of(answer.logprobs),
            "finish_reason": self.style.finish_reason(answer.finished, has_calls=has_calls),
        }

    def _message(self, answer: Answer) -> dict[str, Any]:
        calls = answer.tool_calls
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text if answer.text or not calls else None,
            "refusal": None,
            "annotations": [],
        }
        if answer.thinking:
            # The two names that clients read it by.
            message |= {"reasoning": answer.thinking, "reasoning_content": answer.thinking}
        if calls and self.style.is_legacy:
            message["function_call"] = _function(calls[0])
        elif calls:
            message["tool_calls"] = [
                {"id": new_call_id(), "type": "function", "function": _function(call)}
                for call in calls
            ]
        return message


class ChatChoice:
    """The chunks of one answer. One that is alone also ends the stream."""

    stream_type = SSE
    answer_type = JSON

    def __init__(
        self, frames: ChatFrames, index: int, progress: Progress, *, is_alone: bool
    ) -> None:
        self._frames = frames
        self._progress = progress
        self._is_alone = is_alone
        self._has_calls = False
        shared = {**frames.shared("chat.completion.chunk"), "choices": 0}
        opening = orjson.dumps(shared).removesuffix(b"0}")
        self._head = b'data: %b[{"index":%d,"delta":' % (opening, index)
        # Who asks for the usage is told in every chunk that it is not there yet.
        self._end = b',"usage":null}\n\n' if frames.usage.at_end else b"}\n\n"

    def opening(self) -> bytes:
        """The chunk with the role."""
        return self._chunk(b'{"role":"assistant","content":""}')

    def text(self, delta: TextDelta) -> bytes:
        """One chunk of text, with its tokens' log probabilities if they are wanted."""
        content = b'{"content":' + orjson.dumps(delta.text) + b"}"
        return self._chunk(content, logprobs=self._logprobs_of(delta))

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """One chunk of reasoning, under the two names that clients read it by."""
        text = orjson.dumps(delta.text)
        reasoning = b'{"reasoning":%b,"reasoning_content":%b}' % (text, text)
        return self._chunk(reasoning, logprobs=self._logprobs_of(delta))

    def tool_call(self, call: ToolCall) -> bytes:
        """A chunk with the call's id and name, and one with its arguments."""
        self._has_calls = True
        function = _function(call)
        begun, rest = {**function, "arguments": ""}, {"arguments": function["arguments"]}
        deltas: list[dict[str, Any]]
        if self._frames.style.is_legacy:
            deltas = [{"function_call": begun}, {"function_call": rest}]
        else:
            index = call.index
            first = {"index": index, "id": new_call_id(), "type": "function", "function": begun}
            deltas = [
                {"tool_calls": [first]},
                {"tool_calls": [{"index": index, "function": rest}]},
            ]
        return b"".join([self._chunk(orjson.dumps(delta)) for delta in deltas])

    def ping(self) -> bytes:
        """A chunk without text: not every client reads comments."""
        return self._chunk(b'{"content":""}')

    def finished(self, finished: Finished) -> bytes:
        """The chunk with the reason; of an answer that is alone, all that ends the stream."""
        reason = self._frames.style.finish_reason(finished, has_calls=self._has_calls)
        chunk = self._chunk(b"{}", reason=reason)
        return chunk + self._frames.end([finished]) if self._is_alone else chunk

    def failed(self, error: InferenceError) -> bytes:
        """The error as an event; no end mark follows."""
        return self._frames.failed(error)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The object of an answer that is not streamed."""
        return self._frames.whole([answer])

    def _logprobs_of(self, delta: TextDelta | ThinkingDelta) -> dict[str, Any] | None:
        return self._frames.style.logprobs_of(delta.logprobs) if delta.logprobs else None

    def _chunk(
        self, delta: bytes, *, logprobs: dict[str, Any] | None = None, reason: str | None = None
    ) -> bytes:
        end = self._end
        if self._frames.usage.continuous:
            so_far = counts(len(self._progress.prompt_ids), len(self._progress.completion_ids))
            end = b',"usage":%b}\n\n' % orjson.dumps(so_far)
        if logprobs is None and reason is None:  # nearly every chunk
            return b"".join((self._head, delta, b',"logprobs":null,"finish_reason":null}]', end))
        rest = b',"logprobs":%b,"finish_reason":%b}]' % (
            orjson.dumps(logprobs),
            orjson.dumps(reason),
        )
        return b"".join((self._head, delta, rest, end))


def _function(call: ToolCall) -> dict[str, str]:
    return {"name": call.name, "arguments": json_text(call.arguments)}


def model_object(model: ModelInfo) -> dict[str, Any]:
    """An installed model."""
    return {
        "id": model.name,
        "object": "model",
        "created": int(model.modified_at.timestamp()),
        "owned_by": "library",
    }
