"""Pulling over the API: lines, errors, and what a client may name."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.apis.conftest import MODEL

UNKNOWN = "pull model manifest: file does not exist"


def lines(answer: httpx.Response) -> list[dict[str, object]]:
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize(
    "body", [{"model": MODEL}, {"model": "", "name": MODEL}, {"model": f"{MODEL}@npu"}]
)
def test_a_model_that_is_there_ends_in_success(client: httpx.Client, body: dict[str, str]) -> None:
    answer = client.post("/api/pull", json=body)

    assert answer.headers["Content-Type"] == "application/x-ndjson"
    frames = lines(answer)
    assert frames[0] == {"status": "pulling manifest"}
    assert frames[-1] == {"status": "success"}
    layers = [frame for frame in frames if "digest" in frame]
    assert layers
    assert all(frame["completed"] == frame["total"] for frame in layers)
    assert str(layers[0]["digest"]).startswith("sha256:")


def test_without_a_stream_only_the_end_is_told(client: httpx.Client) -> None:
    answer = client.post("/api/pull", json={"model": MODEL, "stream": False})

    assert (answer.status_code, answer.json()) == (200, {"status": "success"})


def test_an_unknown_name_fails_in_the_words_that_the_cli_knows(client: httpx.Client) -> None:
    streamed = client.post("/api/pull", json={"model": "no-such-model"})
    whole = client.post("/api/pull", json={"model": "no-such-model", "stream": False})

    assert streamed.status_code == 200
    assert lines(streamed) == [{"status": "pulling manifest"}, {"error": UNKNOWN}]
    assert (whole.status_code, whole.json()) == (404, {"error": UNKNOWN})


@pytest.mark.parametrize("name", ["/etc/passwd", "file:../../x", "file:///etc"])
def test_paths_that_are_no_model_tell_nothing(client: httpx.Client, name: str) -> None:
    answer = client.post("/api/pull", json={"model": name, "stream": False})

    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
