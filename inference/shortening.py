"""A conversation that outgrew every device goes on without its oldest messages.

Every system message and the last message stay, as in Ollama.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from inference.errors import InvalidRequest, PromptTooLong
from inference.requests import GenerationRequest, Message

log = logging.getLogger(__name__)

Result = TypeVar("Result")


async def with_history_that_fits(
    request: GenerationRequest, attempt: Callable[[GenerationRequest], Awaitable[Result]]
) -> Result:
    """What `attempt` makes of the request, without the fewest of its oldest messages with which it
    raises no PromptTooLong. Raises that if it does so even for what must stay, or if the request
    wants all of its messages."""
    try:
        return await attempt(request)
    except PromptTooLong:
        most = droppable(request.messages or ())
        if not request.may_drop_messages or not most:
            raise

    async def without(count: int) -> Result:
        try:
            return await attempt(_without(request, count))
        except InvalidRequest:
            # Templates whose turns must alternate refuse to begin with an answer: it goes as well.
            return await attempt(_without(request, count + 1))

    too_few, enough = 0, most
    fitting = await attempt(_without(request, enough))
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        try:
            fitting = await without(middle)
        except PromptTooLong:
            too_few = middle
        else:
            enough = middle
    log.info("%s: %d of the oldest messages were left out", request.request_id, enough)
    return fitting


def droppable(messages: Sequence[Message]) -> int:
    """How many of the messages need not stay."""
    return sum(message.role != "system" for message in messages[:-1])


def without_oldest(messages: Sequence[Message], count: int) -> tuple[Message, ...]:
    """The messages without the `count` oldest that need not stay, and without the results of tools
    whose calls went with them."""
    kept: list[Message] = []
    left, follows_a_gap = count, False
    for number, message in enumerate(messages):
        is_last = number == len(messages) - 1
        if message.role == "system" or is_last:
            kept.append(message)
        elif left > 0:
            left -= 1
            follows_a_gap = True
        elif not (follows_a_gap and message.role == "tool"):
            follows_a_gap = False
            kept.append(message)
    return tuple(kept)


def _without(request: GenerationRequest, count: int) -> GenerationRequest:
    return replace(request, messages=without_oldest(request.messages or (), count))
