"""What can go wrong with a request, as facts without a wire format.

Raised by `inference`; each API family holds one table from these classes to its own status and
body. Messages are safe to show to a client: no paths, prompts or secrets.
"""

from __future__ import annotations


class InferenceError(Exception):
    """Base of everything a client may be told about. `retry_after_seconds` says when to try
    again."""

    code = "internal_error"

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(InferenceError):
    """The request cannot be served as it stands; `field` names the offending part."""

    code = "invalid_request"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ModelNotFound(InferenceError):
    """No installed model has that name (`name` is as the client sent it)."""

    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"model '{name}' not found")
        self.name = name


class ModelNotReady(InferenceError):
    """The model is known but still being fetched or imported."""

    code = "model_not_ready"


class CapabilityMissing(InferenceError):
    """The model cannot do what was asked (`capability`: tools, vision, thinking, ...)."""

    code = "capability_missing"

    def __init__(self, message: str, *, capability: str) -> None:
        super().__init__(message)
        self.capability = capability


class PromptTooLong(InferenceError):
    """No device can hold the prompt plus the requested output; all numbers are tokens. With
    `at_least` the prompt was not counted to its end."""

    code = "prompt_too_long"

    def __init__(
        self,
        *,
        prompt_tokens: int,
        requested_tokens: int,
        limits: dict[str, int],
        at_least: bool = False,
    ) -> None:
        self.prompt_tokens = prompt_tokens
        self.requested_tokens = requested_tokens
        self.limits = limits
        self.at_least = at_least
        held = ", ".join(f"{device} {limit}" for device, limit in limits.items()) or "no device"
        more = "at least " if at_least else ""
        super().__init__(
            "the prompt is longer than the context length currently available to the model: "
            f"it has {more}{prompt_tokens} tokens plus {requested_tokens} requested for the "
            f"answer, which exceeds the limit of every device ({held} tokens)"
        )


class ServerBusy(InferenceError):
    """Every queue that could take the request is full."""

    code = "server_busy"

    def __init__(self, *, retry_after_seconds: int = 1) -> None:
        super().__init__(
            "server busy, please try again.  maximum pending requests exceeded",
            retry_after_seconds=retry_after_seconds,
        )


class NoDevice(InferenceError):
    """No device in the chain could run the model; `chain` has one (device, reason) per try."""

    code = "no_device"

    def __init__(
        self,
        message: str,
        *,
        chain: tuple[tuple[str, str], ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.chain = chain


class EngineFailed(InferenceError):
    """The engine died, hung or gave an error while it served this request. `reason` is one of the
    router's: engine_failed, engine_stalled, garbage_output."""

    code = "engine_failed"

    def __init__(self, message: str, *, reason: str = "engine_failed") -> None:
        super().__init__(message)
        self.reason = reason


class TokenizerMissing(EngineFailed):
    """None of the model's variants has a tokenizer that can be read."""


class UnusableVectors(InferenceError):
    """An encoder computed what is no number, on every device that was asked."""

    code = "unusable_vectors"


class RequestCancelled(InferenceError):
    """Somebody who looks after this server ended the request; asking again is up to the client."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("the request was cancelled by this server's owner")


class InferenceTimeout(InferenceError):
    """The request ran longer than the owner allows (NPU_PROXY_INFERENCE_TIMEOUT)."""

    code = "timeout"


class EngineTooSlow(InferenceTimeout):
    """An engine gave no token for longer than allowed; another one may. `reason` is one of the
    router's: first_token_timeout, inter_token_timeout."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
