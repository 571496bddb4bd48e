"""While the starter is still on its way: requests say so, and when to try again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, polls

NOWHERE = "http://127.0.0.1:9"
USER = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server on an empty data folder that reaches no source of models."""
    home: Path = tmp_path_factory.mktemp("not-ready") / "home"
    appliance = Appliance.start(
        home,
        HF_ENDPOINT=NOWHERE,
        PIP_INDEX_URL=NOWHERE,
        PIP_EXTRA_INDEX_URL="",
        PIP_NO_INDEX="",
        PIP_CONFIG_FILE="/dev/null",
    )
    with appliance.client() as client:
        assert any(client.get("/health").json()["starter"] for _ in polls(20))
        yield client
    appliance.stop()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": USER}),
        ("/api/chat", {}),
        ("/api/generate", {"prompt": "x"}),
        ("/api/embed", {"input": "x"}),
        ("/v1/chat/completions", {"messages": USER}),
        ("/v1/chat/completions", {"messages": USER, "stream": True}),
    ],
)
def test_is_503_with_retry_after(client: httpx.Client, path: str, body: dict[str, object]) -> None:
    answer = client.post(path, json={"model": MODEL, **body})

    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert MODEL in answer.text


def test_it_is_not_listed_yet(client: httpx.Client) -> None:
    assert client.get("/api/tags").json() == {"models": []}
    assert client.get("/v1/models").json() == {"object": "list", "data": []}
    assert client.get("/api/ps").json() == {"models": []}


def test_health_is_200_and_says_what_is_missing(client: httpx.Client) -> None:
    answer = client.get("/health")

    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] in ("starting", "degraded")
    assert health["starter"]["model"] == MODEL
