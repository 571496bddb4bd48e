"""GET /api/npu/fit: verdicts for installed models, and errors that say what to do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.apis.conftest import MODEL


def test_an_installed_model_has_a_verdict_for_each_device(client: httpx.Client) -> None:
    answer = client.get("/api/npu/fit", params={"model": MODEL})

    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert (found["model"], found["format"], found["context"]) == (MODEL, "openvino", 8192)
    assert found["parameters"] == 134_515_008
    assert found["disk"]["needed_bytes"] == 0
    devices = {device["device"]: device for device in found["devices"]}
    assert devices["CPU"]["verdict"] == "fits"
    assert devices["CPU"]["tokens"] == 8192
    assert devices["NPU"]["is_present"] is False
    # Eight bits are not what NPUs are made for; the starter runs there all the same.
    assert devices["NPU"]["verdict"] == "fits with limits"
    assert devices["NPU"]["max_prompt"] == 2048


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?model=nobody-has-this", 404, "nobody-has-this"),
        ("?model=a%20b", 400, "invalid model name"),
        ("?model=", 400, "invalid model name"),
        ("", 400, "model"),
        ("?model=" + "x" * 500, 400, "model"),
    ],
)
def test_names_that_lead_nowhere(client: httpx.Client, query: str, status: int, words: str) -> None:
    answer = client.get(f"/api/npu/fit{query}")

    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]


def test_the_answer_is_described(client: httpx.Client) -> None:
    described = client.get("/api/npu/openapi.json").json()

    answers = described["paths"]["/api/npu/fit"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/FitAnswer")
    assert "502" in answers
