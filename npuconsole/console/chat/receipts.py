"""What stands under an answer: device and reason, tokens, seconds. Made by the server from its own
record of the request, kept with the answer."""

from __future__ import annotations

from typing import Any

from inference import snapshot, status
from inference.generation import Generation
from inference.records import RecordDraft
from inference.requests import GenerationRequest

TIMES = ("queue", "load", "prefill", "decode", "ttft", "total")


def first_receipt(request: GenerationRequest, generation: Generation) -> dict[str, Any]:
    """What is known with the first token. `wished` is the device that was asked for, or ""."""
    route = generation.route
    return {
        "request_id": request.request_id,
        "model": generation.model.name,
        "wished": request.wish.device if request.wish else "",
        "device": route.execution_device,
        "emulated": route.emulated,
        "fell_back": bool(route.fallback_reason),
        "why": route.explanation,
        "prompt_tokens": route.prompt_tokens,
        "ignored": list(generation.ignored),
    }


def final_receipt(receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt of an answer that ended, from the record of its request: another device may have
    taken over after the first token. Zeros where no record says more."""
    record = status.find_record(receipt["request_id"])
    if record is None:
        return {**receipt, "completion_tokens": 0, "seconds": dict.fromkeys(TIMES, 0.0)}
    return {**receipt, **_recorded(record)}


def _recorded(record: RecordDraft) -> dict[str, Any]:
    device = snapshot.current().device(record.execution_device)
    return {
        "device": record.execution_device,
        "devices": list(record.devices),
        "emulated": bool(device and device.emulated),
        "fell_back": bool(record.fallback_reason),
        "why": record.explanation,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "seconds": {name: round(getattr(record, f"{name}_seconds"), 4) for name in TIMES},
    }
