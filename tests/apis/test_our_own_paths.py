"""/api/npu takes requests as the other families do, and has errors of one shape."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from apis.npu import errors as npu
from apis.npu.errors import UnknownRequest, error_object
from inference import errors
from inference.errors import InferenceError
from tests.apis.conftest import MODEL

ROUTE = {"model": MODEL, "prompt": "hi"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x/y"])
def test_a_body_is_json_whatever_its_type_says(client: httpx.Client, content_type: str) -> None:
    answer = client.post(
        "/api/npu/route",
        content=f'{{"model": "{MODEL}", "prompt": "hi"}}',
        headers={"Content-Type": content_type},
    )

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "status", "target"),
    [
        ("GET", "/api/npu/requests/", 301, "/api/npu/requests"),
        ("GET", "/api/npu/requests/?limit=3", 301, "/api/npu/requests?limit=3"),
        ("POST", "/api/npu/route/", 307, "/api/npu/route"),
        ("POST", "/api/npu/calibrate/", 307, "/api/npu/calibrate"),
    ],
)
def test_a_slash_at_the_end_leads_to_the_bare_path(
    client: httpx.Client, method: str, path: str, status: int, target: str
) -> None:
    answer = client.request(method, path, json=ROUTE, follow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (status, target)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/npu/route", 405),
        ("GET", "/api/npu/calibrate", 405),
        ("POST", "/api/npu/passports", 405),
        ("DELETE", "/api/npu/requests/req_000000000000000000000000", 405),
        ("GET", "/api/npu", 404),
        ("GET", "/api/npu/nothing", 404),
        ("HEAD", "/api/npu/requests", 200),
        ("HEAD", "/api/npu/passports", 200),
    ],
)
def test_methods_and_unknown_paths(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["X-Request-ID"].startswith("req_")
    if method == "HEAD":
        assert answer.content == b""
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "missing request body"),
        (b"{nope", "invalid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
    ],
)
def test_a_body_that_is_no_object_is_400(client: httpx.Client, body: bytes, words: str) -> None:
    answer = client.post("/api/npu/route", content=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert answer.json()["code"] == "invalid_request"


def test_the_number_of_an_answer_is_no_label_of_the_metrics(client: httpx.Client) -> None:
    client.get("/api/npu/requests/req_000000000000000000000000")

    text = client.get("/metrics").text

    route = 'endpoint="/api/npu/requests/{request_id}",status="404"'
    assert f"npu_proxy_requests_total{{{route}}}" in text


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            errors.InvalidRequest("x", field="limit"),
            400,
            {"error": "x", "code": "invalid_request", "field": "limit"},
        ),
        (
            errors.ModelNotFound("x"),
            404,
            {"error": "model 'x' not found", "code": "model_not_found", "field": None},
        ),
        (
            UnknownRequest("x"),
            404,
            {
                "error": "no request with the id 'x' is known",
                "code": "request_not_found",
                "field": None,
            },
        ),
        (errors.NoDevice("x"), 503, {"error": "x", "code": "no_device", "field": None}),
    ],
)
def test_an_error_has_text_code_and_field(
    error: InferenceError, status: int, body: dict[str, Any]
) -> None:
    assert npu.row_of(npu.STATUS, error) == status
    assert error_object(error) == body
