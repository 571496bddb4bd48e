"""A kept prompt asked again on a device of choice, to see whether and how well that one does it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from inference import dispatch, keeping
from inference.errors import InferenceError
from inference.keeping import AnswerKeeper
from inference.requests import DeviceWish, Failed, Finished
from npuconsole.console import figures
from npuconsole.console.pages import Refusal
from npuconsole.console.requests.receipts import FEWEST_TOKENS_FOR_A_RATE
from npuconsole.console.words import describe_error

LONGEST_SHOWN = 20_000
"""Characters of an answer that the page gets."""


async def replay(
    prompt: Mapping[str, Any], answer: str, *, model: str, device: str, client: str
) -> dict[str, Any]:
    """Run it there and nowhere else; what came of it, in words, beside the id of its own receipt.
    `answer` is what was answered before. Cancelling it stops the engine. Raises Refusal."""
    wish = DeviceWish(device, is_strict=True)
    keeper = AnswerKeeper()
    finished: Finished | None = None
    try:
        request = keeping.ask_again(
            prompt,
            model=model,
            family="console",
            endpoint="console/replay",
            client=client,
            wish=wish,
        )
        async with await dispatch.generate(request) as generation:
            route = generation.route
            async for events in generation:
                keeper.add(events)
                for event in events:
                    if isinstance(event, Failed):
                        raise event.error
                    if isinstance(event, Finished):
                        finished = event
                await asyncio.sleep(0)
    except InferenceError as error:
        raise Refusal(describe_error(error.code, error.message), field=device, status=409) from None
    assert finished is not None
    text = "".join(keeper.texts)
    times, tokens = finished.timings, finished.completion_tokens
    facts = [
        figures.counted(tokens, "token"),
        f"first token after {figures.seconds(times.ttft)}",
        f"{figures.seconds(times.total)} in all",
    ]
    if tokens >= FEWEST_TOKENS_FOR_A_RATE and times.decode > 0:
        facts.insert(1, figures.rate((tokens - 1) / times.decode))
    return {
        "request_id": request.request_id,
        "device": route.execution_device,
        "emulated": route.emulated,
        "facts": facts,
        "answer": text[:LONGEST_SHOWN],
        "is_same": text == answer,
    }
