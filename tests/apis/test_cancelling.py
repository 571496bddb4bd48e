"""Requests that the server's owner cancels: each client is told in its own protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import polls

STORY = [{"role": "user", "content": "Write a very long story about a dragon."}]
OLLAMA = {
    "model": MODEL,
    "messages": STORY,
    "options": {"num_predict": 4000, "ignore_eos": True},
}
OPENAI = {"model": MODEL, "messages": STORY, "max_tokens": 4000, "ignore_eos": True}
ANTHROPIC = {"model": MODEL, "messages": STORY, "max_tokens": 4000, "ignore_eos": True}
SAID = "cancelled by this server's owner"


def cancel(client: httpx.Client, request_id: str) -> httpx.Response:
    return client.post(f"/api/npu/requests/{request_id}/cancel")


def cancel_the_one_under_way(client: httpx.Client) -> None:
    for _ in polls(20, pause=0.02):
        newest = client.get("/api/npu/requests?limit=1").json()["requests"][0]
        if newest["state"] == "running" and newest["tokens"]["completion"]:
            assert cancel(client, newest["id"]).status_code == 200
            return
    raise AssertionError("no request was under way")


def receipt_of(client: httpx.Client, request_id: str) -> dict[str, Any]:
    for _ in polls(5, pause=0.02):
        receipt: dict[str, Any] = client.get(f"/api/npu/requests/{request_id}").json()
        if receipt["state"] != "running":
            return receipt
    raise AssertionError("it is still running")


@pytest.fixture(autouse=True)
def _loaded(client: httpx.Client) -> None:
    client.post("/api/generate", json={"model": MODEL})


@pytest.mark.parametrize(
    ("path", "body", "is_the_end"),
    [
        ("/api/chat", OLLAMA, lambda line: SAID in json.loads(line)["error"]),
        ("/v1/chat/completions", {**OPENAI, "stream": True}, lambda line: SAID in line),
        ("/v1/messages", {**ANTHROPIC, "stream": True}, lambda line: SAID in line),
    ],
    ids=["ollama", "openai", "anthropic"],
)
def test_a_stream_ends_with_its_protocols_error(
    client: httpx.Client, path: str, body: dict[str, Any], is_the_end: Any
) -> None:
    with client.stream("POST", path, json=body) as stream:
        lines: Iterator[str] = (line for line in stream.iter_lines() if line)
        next(lines)
        request_id = stream.headers["X-Request-ID"]
        told = cancel(client, request_id).json()
        rest = list(lines)
    assert (told["id"], told["model"], told["device"]) == (request_id, MODEL, "CPU")
    assert is_the_end(rest[-1])
    receipt = receipt_of(client, request_id)
    assert (receipt["state"], receipt["outcome"]) == ("cancelled", "cancelled")
    assert SAID in receipt["error"]
    assert 0 < receipt["tokens"]["completion"] < 4000
    assert receipt["devices"] == ["CPU"]
    health = client.get("/health").json()
    assert health["running_requests"] == 0


def test_an_answer_that_is_not_streamed_becomes_an_error_that_no_sdk_repeats(
    client: httpx.Client, sdk: openai.OpenAI
) -> None:
    raised: list[openai.APIStatusError] = []

    def ask() -> None:
        try:
            sdk.with_options(max_retries=2).chat.completions.create(
                model=MODEL, messages=STORY, max_tokens=4000, extra_body={"ignore_eos": True}
            )
        except openai.APIStatusError as error:
            raised.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    cancel_the_one_under_way(client)
    asking.join(20)
    (error,) = raised
    assert (error.status_code, error.code) == (499, "cancelled")
    assert SAID in error.message


def test_what_does_not_run_cannot_be_cancelled(client: httpx.Client) -> None:
    done = client.post("/api/chat", json={**OLLAMA, "stream": False, "options": {"num_predict": 1}})
    for name in (done.headers["X-Request-ID"], "req_" + "0" * 24, "none", "%00"):
        refused = cancel(client, name)
        assert refused.status_code == 404
        assert refused.json()["code"] == "request_not_found"
