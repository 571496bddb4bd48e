"""What clients of the Responses API get: its events, or the response object alone.

Both come of the same steps: the object of an answer that is not streamed is the last event's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from apis.conversation import new_call_id
from apis.json_text import json_text
from apis.openai.errors import JSON
from apis.openai.responses.resource import response_object, usage_of
from apis.openai.responses.tools import CUSTOM_INPUT, Offered
from apis.openai.sse import SSE
from apis.streams import Answer
from inference import errors
from inference.errors import InferenceError
from inference.requests import (
    Finished,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    TokenLogprob,
    ToolCall,
)

MESSAGE, REASONING = "message", "reasoning"

CODES: tuple[tuple[type[InferenceError], str], ...] = (
    (errors.InvalidRequest, "invalid_prompt"),
    (errors.PromptTooLong, "invalid_prompt"),
    (errors.ServerBusy, "rate_limit_exceeded"),
    (InferenceError, "server_error"),
)
"""A failed response's code is one of a closed set."""


class ResponseFrames:
    """Writes one response. `sequence_number` counts its events from 0; items are open one at a
    time, and closed by the first event that belongs to another."""

    stream_type = SSE
    answer_type = JSON

    def __init__(
        self,
        request_id: str,
        echo: Mapping[str, Any],
        tools: Mapping[str, Offered],
        *,
        has_encrypted_reasoning: bool = False,
        top_logprobs: int | None = None,
    ) -> None:
        self._stem = request_id.removeprefix("req_")
        self._echo = echo
        self._tools = tools
        self._has_encrypted_reasoning = has_encrypted_reasoning
        self._top_logprobs = top_logprobs
        self._created_at = int(time.time())
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._open = ""
        self._item_id = ""
        self._texts: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._early_logprobs: list[dict[str, Any]] = []
        self._delta_head = b""

    def opening(self) -> bytes:
        """That the response exists, and that it is under way."""
        response = self._response("in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def text(self, delta: TextDelta) -> bytes:
        """One delta of the message, which begins with the first."""
        logprobs = [_logprob(one, self._top_logprobs or 0) for one in delta.logprobs]
        before = b""
        if self._open != MESSAGE:
            if not delta.text:  # tokens of markup, or of text that is still held back
                self._early_logprobs += logprobs
                return b""
            logprobs = self._early_logprobs + logprobs
            before = self._close() + self._begin_message()
        self._texts.append(delta.text)
        self._logprobs += logprobs
        number = self._next_number()
        return b"".join(
            (
                before,
                self._delta_head,
                b"%d" % number,
                b',"logprobs":',
                orjson.dumps(logprobs) if logprobs else b"[]",
                b',"delta":',
                orjson.dumps(delta.text),
                b"}\n\n",
            )
        )

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """One delta of the reasoning, told as its own summary."""
        if not delta.text:
            return b""
        before = b"" if self._open == REASONING else self._close() + self._begin_reasoning()
        self._texts.append(delta.text)
        return before + self._event(
            "response.reasoning_summary_text.delta",
            **self._place(summary_index=0),
            delta=delta.text,
        )

    def tool_call(self, call: ToolCall) -> bytes:
        """A whole call: begun, its arguments, ended."""
        before = self._close()
        offered = self._tools.get(call.name, Offered(call.name))
        item: dict[str, Any] = {"call_id": new_call_id(), "name": offered.name}
        if offered.namespace:
            item["namespace"] = offered.namespace
        if offered.is_custom:
            self._item_id = self._new_id("ctc")
            item |= {"id": self._item_id, "type": "custom_tool_call"}
            begun, ended, field = {}, {}, "input"
            text = str(call.arguments.get(CUSTOM_INPUT, ""))
        else:
            self._item_id = self._new_id("fc")
            item |= {"id": self._item_id, "type": "function_call"}
            begun, ended, field = {"status": "in_progress"}, {"status": "completed"}, "arguments"
            text = json_text(call.arguments)
        event = f"response.{item['type']}_{field}"
        return b"".join(
            (
                before,
                self._added({**item, **begun, field: ""}),
                self._event(f"{event}.delta", **self._place(), delta=text),
                self._event(f"{event}.done", **self._place(), **{field: text}),
                self._done({**item, **ended, field: text}),
            )
        )

    def ping(self) -> bytes:
        """A comment."""
        return b": ping\n\n"

    def finished(self, finished: Finished) -> bytes:
        """The end of the open item, and the whole response."""
        pieces, response = self._end(finished)
        return pieces + self._event(f"response.{response['status']}", response=response)

    def failed(self, error: InferenceError) -> bytes:
        """The response with what there is of it, and what it failed of."""
        pieces = self._close("incomplete")
        code = next(code for kind, code in CODES if isinstance(error, kind))
        response = self._response(
            "failed", output=self._output, error={"code": code, "message": error.message}
        )
        return pieces + self._event("response.failed", response=response)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The response object."""
        for part in answer.parts:
            match part:
                case TextDelta() if part.text or part.logprobs:
                    self.text(part)
                case ThinkingDelta():
                    self.thinking(part)
                case ToolCall():
                    self.tool_call(part)
        return self._end(answer.finished)[1]

    def _end(self, finished: Finished) -> tuple[bytes, dict[str, Any]]:
        is_complete = finished.reason is FinishReason.STOP
        pieces = self._close("completed" if is_complete else "incomplete")
        if all(item["type"] == REASONING for item in self._output) and is_complete:
            pieces += self._begin_message() + self._close()
        response = self._response(
            "completed" if is_complete else "incomplete",
            output=self._output,
            completed_at=int(time.time()) if is_complete else None,
            incomplete_reason=None if is_complete else "max_output_tokens",
            usage=usage_of(finished),
        )
        return pieces, response

    def _begin_message(self) -> bytes:
        self._open, self._texts, self._logprobs = MESSAGE, [], []
        self._item_id = self._new_id("msg")
        added = self._added(self._message("in_progress", []))
        part = self._event(
            "response.content_part.added",
            **self._place(content_index=0),
            part=_text_part("", []),
        )
        kind = "response.output_text.delta"
        head = orjson.dumps({"type": kind, **self._place(content_index=0)})
        opening = head.removesuffix(b"}") + b',"sequence_number":'
        self._delta_head = b"event: " + kind.encode() + b"\ndata: " + opening
        return added + part

    def _begin_reasoning(self) -> bytes:
        self._open, self._texts = REASONING, []
        self._item_id = self._new_id("rs")
        item = {"id": self._item_id, "type": REASONING, "summary": []}
        part = {"type": "summary_text", "text": ""}
        return self._added(item) + self._event(
            "response.reasoning_summary_part.added", **self._place(summary_index=0), part=part
        )

    def _close(self, status: str = "completed") -> bytes:
        """The last events of the open item, if there is one."""
        self._early_logprobs = []
        kind, self._open = self._open, ""
        if kind == MESSAGE:
            return self._end_message(status)
        return self._end_reasoning() if kind == REASONING else b""

    def _end_message(self, status: str) -> bytes:
        text, logprobs = "".join(self._texts), self._logprobs
        place, part = self._place(content_index=0), _text_part(text, logprobs)
        return b"".join(
            (
                self._event("response.output_text.done", **place, text=text, logprobs=logprobs),
                self._event("response.content_part.done", **place, part=part),
                self._done(self._message(status, [part])),
            )
        )

    def _end_reasoning(self) -> bytes:
        text = "".join(self._texts)
        part = {"type": "summary_text", "text": text}
        item: dict[str, Any] = {"id": self._item_id, "type": REASONING, "summary": [part]}
        if self._has_encrypted_reasoning:
            # Clients that keep nothing but this want something to send back. There is no secret.
            item["encrypted_content"] = text
        place = self._place(summary_index=0)
        return b"".join(
            (
                self._event("response.reasoning_summary_text.done", **place, text=text),
                self._event("response.reasoning_summary_part.done", **place, part=part),
                self._done(item),
            )
        )

    def _added(self, item: dict[str, Any]) -> bytes:
        return self._event("response.output_item.added", output_index=len(self._output), item=item)

    def _done(self, item: dict[str, Any]) -> bytes:
        done = self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        return done

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._item_id,
            "type": MESSAGE,
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _place(self, **index: int) -> dict[str, Any]:
        """Where in the output the open item is, and which part of it is meant."""
        return {"item_id": self._item_id, "output_index": len(self._output), **index}

    def _response(self, status: str, **rest: Any) -> dict[str, Any]:
        return response_object(
            self._echo,
            response_id=f"resp_{self._stem}",
            created_at=self._created_at,
            status=status,
            **rest,
        )

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._stem}{len(self._output):02x}"

    def _next_number(self) -> int:
        number, self._number = self._number, self._number + 1
        return number

    def _event(self, kind: str, **fields: Any) -> bytes:
        data = {"type": kind, "sequence_number": self._next_number(), **fields}
        return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _text_part(text: str, logprobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def _logprob(one: TokenLogprob, alternatives: int) -> dict[str, Any]:
    """A token as the engine chose it, which is also the only alternative that it knows."""
    told = {"token": one.text, "logprob": one.logprob, "bytes": list(one.token)}
    return {**told, "top_logprobs": [told] if alternatives else []}
