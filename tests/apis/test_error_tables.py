"""Every error of inference has a status and a body in each family."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from ninja.errors import HttpError

from apis.anthropic import errors as anthropic
from apis.faults import InternalError, as_inference_error, row_of
from apis.ollama import errors as ollama
from apis.openai import errors as openai
from inference import errors
from inference.catalog.errors import DiskFull, PullFailed, Refused, UnknownModel
from inference.errors import InferenceError

TOO_LONG = errors.PromptTooLong(prompt_tokens=9000, requested_tokens=10, limits={"CPU": 8192})


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (errors.InvalidRequest("top_p is odd", field="top_p"), 400, "top_p is odd"),
        (errors.ModelNotFound("x"), 404, "model 'x' not found"),
        (errors.ModelNotReady("wait", retry_after_seconds=7), 503, "wait"),
        (errors.CapabilityMissing("no", capability="tools"), 400, "no"),
        (TOO_LONG, 400, "exceeds the limit of every device (CPU 8192 tokens)"),
        (
            errors.ServerBusy(),
            503,
            "server busy, please try again.  maximum pending requests exceeded",
        ),
        (errors.NoDevice("none"), 503, "none"),
        (errors.EngineFailed("signal 11"), 500, "model runner has unexpectedly stopped"),
        (errors.RequestCancelled(), 499, "cancelled by this server's owner"),
        (errors.InferenceTimeout("slow"), 504, "slow"),
        (PullFailed("out of reach"), 502, "out of reach"),
        (Refused("it makes pictures"), 400, "it makes pictures"),
        (DiskFull("disk full"), 507, "disk full"),
        (UnknownModel(), 404, "pull model manifest: file does not exist"),
        (InternalError("sorry"), 500, "sorry"),
    ],
)
def test_ollama(error: InferenceError, status: int, text: str) -> None:
    assert row_of(ollama.STATUS, error) == status
    assert text in ollama.text_of(error)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param"),
    [
        (errors.InvalidRequest("x", field="n"), 400, "invalid_request_error", None, "n"),
        (errors.ModelNotFound("x"), 404, "not_found_error", "model_not_found", "model"),
        (errors.ModelNotReady("x"), 503, "api_error", "model_not_ready", "model"),
        (TOO_LONG, 400, "invalid_request_error", "context_length_exceeded", "messages"),
        (errors.ServerBusy(), 503, "api_error", "server_busy", None),
        (errors.NoDevice("x"), 503, "api_error", "no_device", None),
        (errors.EngineFailed("x"), 500, "api_error", "engine_failed", None),
        (errors.RequestCancelled(), 499, "api_error", "cancelled", None),
        (errors.InferenceTimeout("x"), 504, "api_error", "timeout", None),
        (InternalError("x"), 500, "api_error", "internal_error", None),
    ],
)
def test_openai(
    error: InferenceError, status: int, kind: str, code: str | None, param: str | None
) -> None:
    assert row_of(openai.TABLE, error).status == status
    assert openai.error_object(error)["error"] == {
        "message": error.message,
        "type": kind,
        "param": param,
        "code": code,
    }


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.InvalidRequest("x", field="n"), 400, "invalid_request_error"),
        (errors.CapabilityMissing("x", capability="vision"), 400, "invalid_request_error"),
        (TOO_LONG, 400, "invalid_request_error"),
        (errors.ModelNotFound("x"), 404, "not_found_error"),
        (errors.ModelNotReady("x"), 503, "overloaded_error"),
        (errors.ServerBusy(), 503, "overloaded_error"),
        (errors.NoDevice("x"), 503, "overloaded_error"),
        (errors.EngineFailed("x"), 500, "api_error"),
        (errors.RequestCancelled(), 499, "api_error"),
        (errors.InferenceTimeout("x"), 504, "api_error"),
        (InternalError("x"), 500, "api_error"),
    ],
)
def test_anthropic(error: InferenceError, status: int, kind: str) -> None:
    assert row_of(anthropic.TABLE, error) == (status, kind)


def test_every_class_of_error_is_in_every_table() -> None:
    kinds = [InferenceError, *InferenceError.__subclasses__()]
    own = [kind for kind in kinds if kind.__module__ == "inference.errors"]

    assert set(own) <= set(ollama.STATUS)
    assert set(own) <= set(openai.TABLE)
    assert set(own) <= set(anthropic.TABLE)


@pytest.mark.parametrize(
    "answer", [ollama.answer_error, openai.answer_error, anthropic.answer_error]
)
def test_try_again_later_says_when(answer: object) -> None:
    request = HttpRequest()
    request.call = type("Call", (), {"request_id": "req_1", "endpoint": "/x"})()  # type: ignore[attr-defined]
    request._body = b"{}"

    for error, seconds in (
        (errors.ModelNotReady("x", retry_after_seconds=7), "7"),
        (errors.ModelNotReady("x"), "5"),
        (errors.ServerBusy(retry_after_seconds=2), "2"),
    ):
        response = answer(request, error)  # type: ignore[operator]
        assert (response.status_code, response.headers["Retry-After"]) == (503, seconds)


def test_what_nobody_expected_tells_the_client_only_where_to_look() -> None:
    told = as_inference_error(KeyError("/secret/path"), "req_abc")

    assert told.message == "internal error, the server's log says more under req_abc"
    assert isinstance(told.__cause__, KeyError)


def test_ninjas_own_errors_become_invalid_requests() -> None:
    told = as_inference_error(HttpError(400, "Cannot parse request body"), "req_abc")

    assert isinstance(told, errors.InvalidRequest)
