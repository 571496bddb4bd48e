"""Whether garbage was the device's fault: the CPU is asked for the same.

A model may repeat itself for good reasons ("write a hundred zeros"). Only when the CPU gives
another answer to the same prompt is the device's verified length marked down for good.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from inference import dispatch
from inference.calibration import passports
from inference.errors import InferenceError
from inference.garbage import GarbageGuard
from inference.requests import DeviceWish, GenerationRequest, Sampling, TextDelta

log = logging.getLogger(__name__)

MOST_TOKENS = 128


async def judge(
    model: str, device: str, prompt_ids: tuple[int, ...], sampling: Sampling, what: str
) -> None:
    """Ask the CPU for the same, with the same seed; mark the device's passport down unless the CPU
    answers alike, or cannot be asked. `sampling.max_tokens` is how many tokens it took to see."""
    request = GenerationRequest(
        model=model,
        family="console",
        endpoint="second opinion",
        prompt="",
        context_ids=prompt_ids,
        sampling=replace(sampling, max_tokens=min(sampling.max_tokens or 1, MOST_TOKENS)),
        wish=DeviceWish("CPU", is_strict=True),
        is_streamed=False,
    )
    guard = GarbageGuard()
    try:
        async with await dispatch.generate(request) as generation:
            async for events in generation:
                for event in events:
                    if isinstance(event, TextDelta):
                        guard.feed(event.token_ids, event.text)
    except InferenceError as error:
        log.info("the CPU could not be asked about %s on %s: %s", model, device, error)
        return
    if guard.verdict:
        log.info("%s repeats itself on the CPU as well as on %s", model, device)
        return
    log.warning("%s on %s: %s after %d tokens", model, device, what, len(prompt_ids))
    await passports.mark_down(model, device, len(prompt_ids), what)
