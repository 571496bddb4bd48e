"""The one table from an error to Ollama's status and text."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from apis.answers import ErrorAnswer, failure_headers
from apis.calls import ApiRequest
from apis.describing import object_of
from apis.faults import BodyTooLarge, as_inference_error, body_of, cause_of, row_of
from inference import errors
from inference.catalog.blobs import DiskFull as NoRoomToUpload
from inference.catalog.errors import DiskFull, PullFailed, Refused, UnknownModel
from inference.errors import InferenceError

JSON = "application/json; charset=utf-8"

STATUS: dict[type[InferenceError], int] = {
    errors.InvalidRequest: 400,
    BodyTooLarge: 413,
    errors.CapabilityMissing: 400,
    errors.PromptTooLong: 400,
    errors.ModelNotFound: 404,
    errors.ServerBusy: 503,
    errors.ModelNotReady: 503,
    errors.NoDevice: 503,
    errors.RequestCancelled: 499,
    errors.InferenceTimeout: 504,
    errors.EngineFailed: 500,
    errors.UnusableVectors: 500,
    # Ollama says 500 to all of these; nothing is wrong with this server.
    UnknownModel: 404,
    Refused: 400,
    DiskFull: 507,
    NoRoomToUpload: 507,
    PullFailed: 502,
    InferenceError: 500,
}

ENGINE_STOPPED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an "
    "internal error, check ollama server logs for details"
)
ERROR = object_of(error={"type": "string"})
"""The JSON schema of an error's body."""

RETRY_SECONDS = 5


class TryPulling(errors.ModelNotFound):
    """A miss in the words of the endpoints that ask Ollama's scheduler first."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.message = f'model "{name}" not found, try pulling it first'


class NotFoundToCopy(errors.ModelNotFound):
    """A miss in the words of /api/copy."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.message = f'model "{name}" not found'


class NothingToPush(errors.ModelNotFound):
    """A miss in the words of /api/push."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.message = "couldn't retrieve manifest"


def text_of(error: InferenceError) -> str:
    """What the client reads."""
    return ENGINE_STOPPED if isinstance(error, errors.EngineFailed) else error.message


def error_object(error: InferenceError) -> dict[str, Any]:
    """The body, or the line in the middle of a stream. Clients compare some of the texts, so what
    may have been meant stands beside them."""
    body: dict[str, Any] = {"error": text_of(error)}
    if isinstance(error, UnknownModel) and error.suggestions:
        body["suggestions"] = list(error.suggestions)
    return body


def answer_error(request: ApiRequest, error: Exception) -> HttpResponse:
    """The answer when no frame is out yet."""
    body = b"none is expected" if request.method == "GET" else body_of(request)
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
        headers=failure_headers(request.call.request_id, told),
    )
