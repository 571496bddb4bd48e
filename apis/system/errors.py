"""Errors of the system endpoints: there is nothing a client could get wrong."""

from __future__ import annotations

from django.http import HttpResponse

from apis.answers import ErrorAnswer
from apis.calls import ApiRequest
from apis.faults import as_inference_error, cause_of


def answer_error(request: ApiRequest, error: Exception) -> HttpResponse:
    """500, with the request's id."""
    told = as_inference_error(error, request.call.request_id)
    return ErrorAnswer(
        {"error": told.message},
        content_type="application/json; charset=utf-8",
        status=500,
        reason=told.message,
        cause=cause_of(told),
    )
