"""From a generation to an answer: a stream of a family's frames, or all of it at once.

The only place where the families' token path runs: per engine step it joins what `FrameWriter`
makes of the events into one piece, which is one write on the connection.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.http.response import HttpResponseBase

from apis.answers import FrameStream, JsonAnswer, route_headers
from apis.calls import Call
from apis.faults import as_inference_error
from inference import dispatch
from inference.errors import InferenceError
from inference.generation import Generation
from inference.requests import (
    AnswerEvent,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    TextDelta,
    ThinkingDelta,
    TokenLogprob,
    ToolCall,
)

SILENCE_SECONDS = 10.0
"""After so long without a frame a family may send a sign of life."""


class FrameWriter(Protocol):
    """How a family writes one generation. One instance serves one answer; every method may give
    b"" where the family has nothing to say."""

    stream_type: str
    answer_type: str

    def opening(self) -> bytes:
        """What stands before everything else; it leaves with the first frames."""

    def text(self, delta: TextDelta) -> bytes:
        """The frames of new text. The text is "" only where there are log probabilities."""

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """The frames of new reasoning; as with `text`."""

    def tool_call(self, call: ToolCall) -> bytes:
        """The frames of one whole call."""

    def ping(self) -> bytes:
        """A sign of life while a long call is being written."""

    def finished(self, finished: Finished) -> bytes:
        """The last frames of a generation that ended well."""

    def failed(self, error: InferenceError) -> bytes:
        """The last frame of one that broke."""

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The one object of an answer that is not streamed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole generation."""

    text: str
    finished: Finished
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    parts: tuple[AnswerEvent, ...] = ()
    """The same in the order in which it came."""


async def answer(
    call: Call,
    request: GenerationRequest,
    make_writer: Callable[[Generation], FrameWriter],
    *,
    stream: bool,
) -> HttpResponseBase:
    """Generate and answer. Waits for the first token when streaming, else for the last one.

    Raises InferenceError; whatever way it ends, the generation is closed.
    """
    generation = await dispatch.generate(request)
    writer = make_writer(generation)
    headers = route_headers(generation.route, generation.ignored)
    if stream:
        return FrameStream(
            write_frames(call, generation, writer),
            content_type=writer.stream_type,
            headers=headers,
            release=generation.close,
        )
    whole = await collect(generation)
    return JsonAnswer(writer.whole(whole), content_type=writer.answer_type, headers=headers)


async def collect(generation: Generation) -> Answer:
    """The whole answer. Closes the generation; raises what it failed with."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    logprobs: list[TokenLogprob] = []
    parts: list[AnswerEvent] = []
    async with generation:
        async for events in generation:
            for event in events:
                if isinstance(event, AnswerEvent):
                    parts.append(event)
                match event:
                    case TextDelta():
                        texts.append(event.text)
                        logprobs += event.logprobs
                    case ThinkingDelta():
                        thoughts.append(event.text)
                        logprobs += event.logprobs
                    case ToolCall():
                        calls.append(event)
                    case Failed():
                        raise event.error
                    case Finished():
                        return Answer(
                            "".join(texts),
                            event,
                            "".join(thoughts),
                            tuple(calls),
                            tuple(logprobs),
                            tuple(parts),
                        )
    raise RuntimeError("a generation ended without a last event")


async def write_frames(
    call: Call, generation: Generation, writer: FrameWriter
) -> AsyncGenerator[bytes, None]:
    """One piece per engine step; an error becomes the last frame, and a line in the log."""
    piece = writer.opening()
    sent_at = time.monotonic()
    try:
        async for events in generation:
            for event in events:
                piece += frames_of(event, writer, call)
            now = time.monotonic()
            if not piece and now - sent_at > SILENCE_SECONDS:
                piece = writer.ping()
            if piece:
                yield piece
                piece, sent_at = b"", now
    except Exception as error:  # the status is out already, so any error becomes a frame
        yield writer.failed(told(call, error))


def frames_of(event: Event, writer: FrameWriter, call: Call) -> bytes:
    """What a family writes of one event."""
    match event:
        case TextDelta():
            return writer.text(event) if event.text or event.logprobs else b""
        case ThinkingDelta():
            return writer.thinking(event) if event.text or event.logprobs else b""
        case ToolCall():
            return writer.tool_call(event)
        case Finished():
            return writer.finished(event)
        case Failed():
            return writer.failed(told(call, event.error))


def told(call: Call, error: Exception) -> InferenceError:
    """The error of a stream as clients may read it, with its line in the log."""
    told = as_inference_error(error, call.request_id)
    call.log_failure(told)
    return told
