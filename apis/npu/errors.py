"""The one table from an error to this family's status and body: Ollama's `error` text, with the
error's code and the offending field beside it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from apis.answers import ErrorAnswer
from apis.calls import ApiRequest
from apis.describing import object_of
from apis.faults import BodyTooLarge, as_inference_error, body_of, cause_of, row_of
from inference import errors
from inference.catalog.errors import DiskFull, PullFailed, Refused, UnknownJob, UnknownModel
from inference.catalog.fit.lookup import HubUnreachable
from inference.errors import InferenceError

JSON = "application/json; charset=utf-8"


class UnknownRequest(InferenceError):
    """No request of that id runs or is in the log."""

    code = "request_not_found"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"no request with the id {request_id[:80]!r} is known")


STATUS: dict[type[InferenceError], int] = {
    errors.InvalidRequest: 400,
    BodyTooLarge: 413,
    errors.CapabilityMissing: 400,
    errors.PromptTooLong: 400,
    errors.ModelNotFound: 404,
    UnknownRequest: 404,
    UnknownJob: 404,
    UnknownModel: 404,
    Refused: 400,
    errors.ServerBusy: 503,
    errors.ModelNotReady: 503,
    errors.NoDevice: 503,
    errors.RequestCancelled: 499,
    errors.InferenceTimeout: 504,
    errors.EngineFailed: 500,
    HubUnreachable: 502,
    DiskFull: 507,
    PullFailed: 502,
    InferenceError: 500,
}

ERROR = object_of(
    error={"type": "string"},
    code={"type": "string"},
    field={"type": ["string", "null"]},
)
"""The JSON schema of `error_object`."""

RETRY_SECONDS = 5


def error_object(error: InferenceError) -> dict[str, Any]:
    """The body, before the first line as in the middle of a stream."""
    field = error.field if isinstance(error, errors.InvalidRequest) else None
    return {"error": error.message, "code": error.code, "field": field}


def answer_error(request: ApiRequest, error: Exception) -> HttpResponse:
    """The answer when no line is out yet."""
    body = body_of(request) if request.method == "POST" else b"none is expected"
    told = as_inference_error(error, request.call.request_id, body)
    status = row_of(STATUS, told)
    retry = told.retry_after_seconds or (RETRY_SECONDS if status == 503 else None)
    return ErrorAnswer(
        error_object(told),
        content_type=JSON,
        status=status,
        reason=told.message,
        cause=cause_of(told),
        retry_after_seconds=retry,
    )
