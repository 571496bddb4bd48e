"""The one table from an error to Anthropic's status and error object."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apis.answers import ErrorAnswer, PlainAnswer, failure_headers
from apis.calls import ApiRequest, Call
from apis.describing import object_of
from apis.faults import BodyTooLarge, as_inference_error, body_of, cause_of, row_of
from inference import errors
from inference.errors import InferenceError

JSON = "application/json"
ROOT = "/v1/messages"


class Row(NamedTuple):
    """Status and type of an error."""

    status: int
    type: str


TABLE: dict[type[InferenceError], Row] = {
    errors.InvalidRequest: Row(400, "invalid_request_error"),
    BodyTooLarge: Row(413, "request_too_large"),
    errors.CapabilityMissing: Row(400, "invalid_request_error"),
    errors.PromptTooLong: Row(400, "invalid_request_error"),
    errors.ModelNotFound: Row(404, "not_found_error"),
    errors.ServerBusy: Row(503, "overloaded_error"),
    errors.ModelNotReady: Row(503, "overloaded_error"),
    errors.NoDevice: Row(503, "overloaded_error"),
    errors.RequestCancelled: Row(499, "api_error"),
    errors.InferenceTimeout: Row(504, "api_error"),
    errors.EngineFailed: Row(500, "api_error"),
    errors.UnusableVectors: Row(500, "api_error"),
    InferenceError: Row(500, "api_error"),
}

REFUSALS = {403: "permission_error", 404: "not_found_error"}
"""Types of what the door refuses; the others are invalid requests."""

STATUSES = frozenset({row.status for row in TABLE.values()} | {405, 421} | set(REFUSALS))
"""Every status that comes with an error object."""

ERROR = object_of(
    type={"const": "error"},
    error=object_of(type={"type": "string"}, message={"type": "string"}),
    request_id={"type": "string"},
)
"""The JSON schema of `error_object`."""

RETRY_SECONDS = 5


def owns(path: str) -> bool:
    """Whether a path is this family's."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def text_of(error: InferenceError) -> str:
    """What the client reads. Of a prompt that is too long Claude Code looks for Anthropic's own
    words and numbers, to shorten the conversation by them."""
    if not isinstance(error, errors.PromptTooLong) or not error.limits:
        return error.message
    more = "at least " if error.at_least else ""
    held = ", ".join(f"{device} {limit}" for device, limit in error.limits.items())
    most = max(error.limits.values())
    return f"prompt is too long: {more}{error.prompt_tokens} tokens > {most} maximum ({held})"


def error_object(kind: str, message: str, request_id: str) -> dict[str, Any]:
    """The body of every error, before the first event as in the middle of a stream."""
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request_id,
    }


def answer_error(request: ApiRequest, error: Exception) -> HttpResponse:
    """The answer when no event is out yet."""
    call = request.call
    told = as_inference_error(error, call.request_id, body_of(request))
    row = row_of(TABLE, told)
    retry = told.retry_after_seconds or (RETRY_SECONDS if row.status == 503 else None)
    return ErrorAnswer(
        error_object(row.type, text_of(told), call.request_id),
        content_type=JSON,
        status=row.status,
        reason=told.message,
        cause=cause_of(told),
        retry_after_seconds=retry,
        headers=failure_headers(call.request_id, told),
    )


def in_shape(call: Call, response: HttpResponseBase) -> HttpResponseBase:
    """What the door refuses in plain words (an unknown path, a wrong method), as clients of this
    family read it; every other answer as it is."""
    if response.status_code < 400 or not isinstance(response, PlainAnswer):
        return response
    kind = REFUSALS.get(response.status_code, "invalid_request_error")
    words = response.content.decode().removeprefix(f"{response.status_code} ")
    kept = {name: value for name, value in response.items() if name != "Content-Type"}
    return ErrorAnswer(
        error_object(kind, words, call.request_id),
        content_type=JSON,
        status=response.status_code,
        reason=words,
        headers=kept,
    )
