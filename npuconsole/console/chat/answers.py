"""One answer on its way to one browser, and into its conversation.

`stream_answer` runs as a task of the chat consumer; cancelling it stops the generation in the
engine, and what was there is kept. Text goes straight from the event stream to the socket: the
channel layer drops messages. An answer is bounded by the model's context, so a browser that stops
reading costs at most some hundred kilobytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import DatabaseError

from apis.conversation import new_call_id, with_preset_system
from inference import dispatch
from inference.database import in_database_thread
from inference.errors import InferenceError
from inference.generation import Generation
from inference.requests import (
    DeviceWish,
    Event,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Message,
    Need,
    Sampling,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolChoice,
)
from npuconsole.console.chat import conversations
from npuconsole.console.chat.conversations import Draft, Turn
from npuconsole.console.chat.receipts import final_receipt, first_receipt
from npuconsole.console.words import describe_error

log = logging.getLogger(__name__)

CONSOLE_DEFAULTS = Sampling(
    temperature=0.6, top_p=0.9, top_k=40, repetition_penalty=1.1, max_tokens=1024
)
"""What a chat in the console samples with unless the model's preset says otherwise. The receipt
says so when an answer was cut; without a limit a small model may ramble to its context's end."""

Frame = dict[str, Any]
Send = Callable[[Frame], Awaitable[None]]


async def stream_answer(turn: Turn, lane: int, client: str, send: Send) -> None:
    """Generate and send frames until the end: `started`; `thinking`, `text` and `call`; then
    `finished` or `error`. The answer is kept before its last frame is sent.

    When cancelled it stops the engine, keeps what was produced, tries to send a `finished` frame,
    and ends without raising.
    """
    request = request_for(turn, lane, client)
    draft = Draft(receipt={"model": request.model, "request_id": request.request_id})
    generation: Generation | None = None
    last: Frame
    try:
        generation = await dispatch.generate(request)
        draft.receipt = first_receipt(request, generation)
        await send({"type": "started", **draft.receipt, **_name(turn, lane)})
        async for events in generation:
            for event in events:
                frame = _take(event, draft)
                if frame is not None:
                    await send({**frame, **_name(turn, lane)})
            # Without a turn of the loop nothing leaves the process.
            await asyncio.sleep(0)
        last = {"type": "finished"}
    except asyncio.CancelledError:
        if generation is not None:
            await generation.close()
        draft.receipt |= {"outcome": str(FinishReason.CANCELLED)}
        last = {"type": "finished"}
    except Exception as error:  # the browser must hear of any fault, or it waits for ever
        last = {"type": "error", **_error(error, request.request_id)}
        draft.receipt |= {"outcome": last["code"], "error": last["message"]}
    finally:
        if generation is not None:
            await generation.close()
    draft.receipt = final_receipt(draft.receipt)
    answer = await _keep(turn, lane, draft)
    await send({**last, "receipt": draft.receipt, "answer": answer, **_name(turn, lane)})


def request_for(turn: Turn, lane: int, client: str) -> GenerationRequest:
    """What that lane is asked. A model that cannot reason is not told whether to."""
    choices = turn.choices
    chosen = choices.lanes[lane]
    messages = list(turn.histories[turn.lanes.index(lane)])
    if choices.system:
        messages.insert(0, Message("system", choices.system))
    model = dispatch.find_model(chosen.model)
    thinks = model is not None and "thinking" in model.capabilities
    return GenerationRequest(
        model=chosen.model,
        family="console",
        endpoint="console/chat",
        client=client,
        messages=with_preset_system(messages, model) if model else tuple(messages),
        tools=choices.tools,
        tool_choice=ToolChoice("required" if choices.must_call else "auto", is_parallel=False),
        think=choices.think if thinks else None,
        sampling=choices.sampling,
        defaults=CONSOLE_DEFAULTS,
        needs=frozenset({Need.TOOLS}) if choices.tools else frozenset(),
        wish=DeviceWish(chosen.device) if chosen.device else None,
    )


def _name(turn: Turn, lane: int) -> Frame:
    return {"id": turn.stream_id, "lane": lane}


def _take(event: Event, draft: Draft) -> Frame | None:
    """Add one event to the draft; the frame that tells of it. Raises what a failure carries."""
    match event:
        case TextDelta():
            draft.content += event.text
            return {"type": "text", "text": event.text, "tokens": len(event.token_ids)}
        case ThinkingDelta():
            draft.thinking += event.text
            return {"type": "thinking", "text": event.text, "tokens": len(event.token_ids)}
        case ToolCall():
            call = {
                "id": new_call_id(),
                "name": event.name,
                "arguments": dict(event.arguments),
                "problem": event.problem,
            }
            draft.calls.append(call)
            return {"type": "call", "call": call}
        case Finished():
            draft.receipt |= {
                "outcome": str(event.reason),
                "thinking_tokens": event.thinking_tokens,
            }
            return None
        case Failed():
            raise event.error


def _error(error: Exception, request_id: str) -> Frame:
    """An error for a person. One that was not made for clients gets the id under which the log has
    it."""
    if isinstance(error, InferenceError):
        return {
            "code": error.code,
            "message": describe_error(error.code, error.message),
            "retry_after_seconds": error.retry_after_seconds,
        }
    log.error("%s: unexpected error in the console's chat", request_id, exc_info=error)
    return {
        "code": "internal_error",
        "message": f"Something failed inside the server; its log says more under {request_id}.",
        "retry_after_seconds": None,
    }


async def _keep(turn: Turn, lane: int, draft: Draft) -> int | None:
    try:
        return await in_database_thread(conversations.keep_answer, turn, lane, draft)
    except DatabaseError:
        log.exception("an answer of conversation %d could not be kept", turn.conversation)
        return None
