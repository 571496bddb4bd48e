"""Why a device is chosen, passed over or left: the closed set, and its words for people.

docs/routing.md lists the set; a test holds both equal.
"""

from __future__ import annotations

from enum import StrEnum

from inference.requests import Need


class Reason(StrEnum):
    """Why a device was chosen, passed over, or left while a request ran. The closed set of
    X-NPU-Proxy-Route-Reason, X-NPU-Proxy-Fallback-Reason and the receipt's chain."""

    # Why a device is chosen.
    WITHIN_TOKEN_LIMIT = "within_token_limit"
    OVER_TOKEN_LIMIT = "over_token_limit"
    PREFERRED_DEVICE = "preferred_device"
    REQUESTED_DEVICE = "requested_device"
    PREDICTED_FASTEST = "predicted_fastest"
    FRUGAL = "frugal"
    GPU_KEPT_FREE = "gpu_kept_free"
    REAL_INFERENCE_OFF = "real_inference_off"
    # Why a device is passed over.
    DEVICE_ABSENT = "device_absent"
    DEVICE_DISABLED = "device_disabled"
    VARIANT_MISSING = "variant_missing"
    CALIBRATION_FAILED = "calibration_failed"
    NEED_UNSUPPORTED = "need_unsupported"
    PROMPT_OVER_CAPACITY = "prompt_over_capacity"
    OVER_VERIFIED_LENGTH = "over_verified_length"
    BUDGET_OVER_CAPACITY = "budget_over_capacity"
    QUARANTINED = "quarantined"
    WISHED_ELSEWHERE = "wished_elsewhere"
    # Why a device that was tried did not serve, or did not serve to the end.
    DEVICE_LOADING = "device_loading"
    DEVICE_BUSY = "device_busy"
    QUEUE_FULL = "queue_full"
    LOAD_FAILED = "load_failed"
    ENGINE_FAILED = "engine_failed"
    ENGINE_STALLED = "engine_stalled"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"
    INTER_TOKEN_TIMEOUT = "inter_token_timeout"
    GARBAGE_OUTPUT = "garbage_output"
    OUT_OF_MEMORY = "out_of_memory"


WORDS = {
    Reason.WITHIN_TOKEN_LIMIT: "within its limit",
    Reason.OVER_TOKEN_LIMIT: "over the NPU's limit",
    Reason.PREFERRED_DEVICE: "the preferred device",
    Reason.REQUESTED_DEVICE: "the client asked for it",
    Reason.PREDICTED_FASTEST: "predicted to finish first",
    Reason.FRUGAL: "the NPU is verified for it and saves power",
    Reason.GPU_KEPT_FREE: "the GPU is kept free",
    Reason.REAL_INFERENCE_OFF: "real inference is switched off",
    Reason.DEVICE_ABSENT: "not found by OpenVINO",
    Reason.DEVICE_DISABLED: "switched off",
    Reason.VARIANT_MISSING: "the model has no form for it",
    Reason.CALIBRATION_FAILED: "failed its calibration with this model",
    Reason.NEED_UNSUPPORTED: "cannot do what the request needs",
    Reason.PROMPT_OVER_CAPACITY: "the prompt is over its capacity",
    Reason.OVER_VERIFIED_LENGTH: "the prompt is longer than its answers were verified for",
    Reason.BUDGET_OVER_CAPACITY: "prompt and requested answer together are over its capacity",
    Reason.QUARANTINED: "rests after repeated failures",
    Reason.WISHED_ELSEWHERE: "the client allows only another device",
    Reason.DEVICE_LOADING: "still loading the model",
    Reason.DEVICE_BUSY: "all its places are taken",
    Reason.QUEUE_FULL: "its queue is full",
    Reason.LOAD_FAILED: "the model could not be loaded",
    Reason.ENGINE_FAILED: "the engine failed",
    Reason.ENGINE_STALLED: "the engine gave no sign of life",
    Reason.FIRST_TOKEN_TIMEOUT: "the first token took too long",
    Reason.INTER_TOKEN_TIMEOUT: "the next token took too long",
    Reason.GARBAGE_OUTPUT: "the answer turned into garbage",
    Reason.OUT_OF_MEMORY: "out of memory",
}

NEED_WORDS = {
    Need.TOOLS: "call tools",
    Need.SCHEMA: "keep to a schema",
    Need.LOGPROBS: "give log probabilities",
    Need.IMAGES: "read images",
    Need.SEVERAL_ANSWERS: "give several answers at once",
    Need.BEAMS: "search with beams",
}
