"""From a generation to an answer: a stream of a family's frames, or all of it at once.

The only place where the families' token path runs: per engine step it joins what `FrameWriter`
makes of the events into one piece, which is one write on the connection.
"""

from __future__ import annotations

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
from inference.requests import Failed, Finished, GenerationRequest, TextDelta


class FrameWriter(Protocol):
    """How a family writes one generation. One instance serves one answer."""

    stream_type: str
    answer_type: str

    def text(self, text: str) -> bytes:
        """The frame of new text, which is not empty."""

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
    headers = route_headers(generation.route, request.ignored)
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
    pieces: list[str] = []
    async with generation:
        async for events in generation:
            for event in events:
                if isinstance(event, TextDelta):
                    pieces.append(event.text)
                elif isinstance(event, Finished):
                    return Answer("".join(pieces), event)
                else:
                    raise event.error
    raise RuntimeError("a generation ended without a last event")


async def write_frames(
    call: Call, generation: Generation, writer: FrameWriter
) -> AsyncGenerator[bytes, None]:
    """One piece per engine step; an error becomes the last frame, and a line in the log."""
    try:
        async for events in generation:
            piece = b""
            for event in events:
                if isinstance(event, TextDelta):
                    if event.text:
                        piece += writer.text(event.text)
                elif isinstance(event, Finished):
                    piece += writer.finished(event)
                elif isinstance(event, Failed):
                    piece += writer.failed(_told(call, event.error))
            if piece:
                yield piece
    except Exception as error:  # the status is out already, so any error becomes a frame
        yield writer.failed(_told(call, error))


def _told(call: Call, error: Exception) -> InferenceError:
    told = as_inference_error(error, call.request_id)
    call.log_failure(told)
    return told
