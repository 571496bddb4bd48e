"""One answer on its way to one browser: events of a generation as websocket frames.

`stream_answer` runs as a task of the chat consumer; cancelling it stops the generation in the
engine. Text goes straight from the event stream to the socket: the channel layer drops messages.
An answer is bounded by the model's context, so a browser that stops reading costs at most some
hundred kilobytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from inference import dispatch, status
from inference.errors import InferenceError
from inference.generation import Generation
from inference.records import RecordDraft
from inference.requests import (
    Event,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Sampling,
    TextDelta,
    ThinkingDelta,
)
from npuconsole.console.commands import Ask
from npuconsole.console.words import describe_error

log = logging.getLogger(__name__)

CONSOLE_DEFAULTS = Sampling(
    temperature=0.6, top_p=0.9, top_k=40, repetition_penalty=1.1, max_tokens=1024
)
"""What a chat in the console samples with unless the model's preset says otherwise. The receipt
says so when an answer was cut; without a limit a small model may ramble to its context's end."""

Frame = dict[str, Any]
Send = Callable[[Frame], Awaitable[None]]


async def stream_answer(ask: Ask, client: str, send: Send) -> None:
    """Generate and send frames until the end: `started`, `thinking` and `text`, then `finished` or
    `error`.

    When cancelled it stops the engine, tries to send a `finished` frame with what was produced, and
    ends without raising.
    """
    request = GenerationRequest(
        model=ask.model,
        family="console",
        endpoint="console/chat",
        client=client,
        messages=ask.messages,
        defaults=CONSOLE_DEFAULTS,
    )
    generation: Generation | None = None
    try:
        generation = await dispatch.generate(request)
        await send(_started_frame(ask, request, generation))
        async for events in generation:
            for frame in _frames(ask.stream_id, request.request_id, events):
                await send(frame)
            # Without a turn of the loop nothing leaves the process.
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        if generation is not None:
            await generation.close()
        await send(_stopped_frame(ask.stream_id, request.request_id))
    except InferenceError as error:
        await send(_error_frame(ask.stream_id, error))
    except Exception:  # the browser must hear of any fault, or it waits for ever
        log.exception("%s: unexpected error in the console's chat", request.request_id)
        await send(_fault_frame(ask.stream_id, request.request_id))
    finally:
        if generation is not None:
            await generation.close()


def _error_frame(stream_id: str, error: InferenceError) -> Frame:
    return {
        "type": "error",
        "id": stream_id,
        "code": error.code,
        "message": describe_error(error.code, error.message),
        "retry_after_seconds": error.retry_after_seconds,
    }


def _fault_frame(stream_id: str, request_id: str) -> Frame:
    """An error that was not made for clients: they get the id under which the log has it."""
    return {
        "type": "error",
        "id": stream_id,
        "code": "internal_error",
        "message": f"Something failed inside the server; its log says more under {request_id}.",
        "retry_after_seconds": None,
    }


def _started_frame(ask: Ask, request: GenerationRequest, generation: Generation) -> Frame:
    route = generation.route
    return {
        "type": "started",
        "id": ask.stream_id,
        "request_id": request.request_id,
        "model": generation.model.name,
        "device": route.execution_device,
        "emulated": route.emulated,
        "fell_back": bool(route.fallback_reason),
        "why": route.explanation,
        "prompt_tokens": route.prompt_tokens,
    }


def _frames(stream_id: str, request_id: str, events: tuple[Event, ...]) -> list[Frame]:
    """The frames of one engine step."""
    frames: list[Frame] = []
    for event in events:
        if isinstance(event, TextDelta | ThinkingDelta):
            frames.append(
                {
                    "type": "text" if isinstance(event, TextDelta) else "thinking",
                    "id": stream_id,
                    "text": event.text,
                    "tokens": len(event.token_ids),
                }
            )
        elif isinstance(event, Finished):
            frames.append(
                {
                    "type": "finished",
                    "id": stream_id,
                    "reason": event.reason,
                    "prompt_tokens": event.prompt_tokens,
                    "completion_tokens": event.completion_tokens,
                    "seconds": {
                        name: round(getattr(event.timings, name), 4)
                        for name in ("queue", "load", "prefill", "decode", "ttft", "total")
                    },
                }
            )
        elif isinstance(event, Failed):
            if isinstance(event.error, InferenceError):
                frames.append(_error_frame(stream_id, event.error))
            else:
                log.error("%s: the generation failed", request_id, exc_info=event.error)
                frames.append(_fault_frame(stream_id, request_id))
    return frames


def _stopped_frame(stream_id: str, request_id: str) -> Frame:
    """The receipt of a stopped answer, from its record; zeros if it never reached an engine."""
    record: RecordDraft | None = next(
        (done for done in status.recent_decisions() if done.request_id == request_id), None
    )
    return {
        "type": "finished",
        "id": stream_id,
        "reason": FinishReason.CANCELLED,
        "prompt_tokens": record.prompt_tokens if record else 0,
        "completion_tokens": record.completion_tokens if record else 0,
        "seconds": {
            name: round(getattr(record, f"{name}_seconds"), 4) if record else 0.0
            for name in ("queue", "load", "prefill", "decode", "ttft", "total")
        },
    }
