"""The one table from an error to OpenAI's status and error object."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse

from apis.answers import ErrorAnswer, failure_headers
from apis.calls import ApiRequest
from apis.describing import object_of
from apis.faults import BodyTooLarge, as_inference_error, body_of, cause_of, row_of
from inference import errors
from inference.errors import InferenceError

JSON = "application/json"


class Row(NamedTuple):
    """Status, type and code of an error."""

    status: int
    type: str
    code: str | None = None


class ResponseNotFound(InferenceError):
    """Nothing under /v1/responses has that name: no responses are kept."""

    code = "response_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Response with id {name[:80]!r} not found: this server keeps no responses, "
            "send the whole conversation as input"
        )


TABLE: dict[type[InferenceError], Row] = {
    errors.InvalidRequest: Row(400, "invalid_request_error"),
    BodyTooLarge: Row(413, "invalid_request_error", "body_too_large"),
    errors.CapabilityMissing: Row(400, "invalid_request_error", "unsupported_capability"),
    errors.PromptTooLong: Row(400, "invalid_request_error", "context_length_exceeded"),
    errors.ModelNotFound: Row(404, "not_found_error", "model_not_found"),
    ResponseNotFound: Row(404, "not_found_error", "response_not_found"),
    errors.ServerBusy: Row(503, "api_error", "server_busy"),
    errors.ModelNotReady: Row(503, "api_error", "model_not_ready"),
    errors.NoDevice: Row(503, "api_error", "no_device"),
    errors.RequestCancelled: Row(499, "api_error", "cancelled"),
    errors.InferenceTimeout: Row(504, "api_error", "timeout"),
    errors.EngineFailed: Row(500, "api_error", "engine_failed"),
    errors.UnusableVectors: Row(500, "api_error", "unusable_vectors"),
    InferenceError: Row(500, "api_error", "internal_error"),
}

PARAMETERS: dict[type[InferenceError], str] = {
    errors.PromptTooLong: "messages",
    errors.ModelNotFound: "model",
    errors.ModelNotReady: "model",
    InferenceError: "",
}
"""The parameter that an error is about, where its class alone says it."""

PROMPTS = {"/v1/responses": "input"}
"""Endpoints that call the conversation something else than `messages`."""

ERROR = object_of(
    error=object_of(
        message={"type": "string"},
        type={"type": "string"},
        param={"type": ["string", "null"]},
        code={"type": ["string", "null"]},
    )
)
"""The JSON schema of `error_object`."""

RETRY_SECONDS = 5


def error_object(error: InferenceError, endpoint: str = "") -> dict[str, Any]:
    """The body, before the first frame as in the middle of a stream."""
    row = row_of(TABLE, error)
    field = error.field if isinstance(error, errors.InvalidRequest) else None
    parameter = field or row_of(PARAMETERS, error)
    if parameter == "messages":
        parameter = PROMPTS.get(endpoint, parameter)
    return {
        "error": {
            "message": error.message,
            "type": row.type,
            "param": parameter or None,
            "code": row.code,
        }
    }


def answer_error(request: ApiRequest, error: Exception) -> HttpResponse:
    """The answer when no frame is out yet."""
    told = as_inference_error(error, request.call.request_id, body_of(request))
    status = row_of(TABLE, told).status
    retry = told.retry_after_seconds or (RETRY_SECONDS if status == 503 else None)
    return ErrorAnswer(
        error_object(told, request.call.endpoint),
        content_type=JSON,
        status=status,
        reason=told.message,
        cause=cause_of(told),
        retry_after_seconds=retry,
        headers=failure_headers(request.call.request_id, told),
    )
