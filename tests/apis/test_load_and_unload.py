"""Empty prompts load and unload; keep_alive decides how long a model stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, copy_home, polls

USER = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def own_server(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A server of this module's own: it unloads models."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("loading") / "home")
    appliance = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()


@pytest.fixture
def client(own_server: Appliance) -> Iterator[httpx.Client]:
    with own_server.client() as client:
        yield client


def loaded(client: httpx.Client) -> list[dict[str, Any]]:
    return list(client.get("/api/ps").json()["models"])


def is_gone(client: httpx.Client) -> bool:
    return any(not loaded(client) for _ in polls(10))


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/generate", {}, {"response": ""}),
        ("/api/generate", {"prompt": ""}, {"response": ""}),
        ("/api/chat", {}, {"message": {"role": "assistant", "content": ""}}),
        ("/api/chat", {"messages": []}, {"message": {"role": "assistant", "content": ""}}),
    ],
)
def test_no_prompt_loads_and_no_prompt_with_zero_unloads(
    client: httpx.Client, path: str, body: dict[str, Any], said: dict[str, Any]
) -> None:
    load = client.post(path, json={"model": MODEL, **body})
    assert load.headers["Content-Type"] == "application/json; charset=utf-8"
    assert load.json().pop("created_at")
    expected = {"model": MODEL, **said, "done": True, "done_reason": "load"}
    assert {k: v for k, v in load.json().items() if k != "created_at"} == expected
    assert [model["name"] for model in loaded(client)] == [MODEL]

    for keep_alive in (0, "0s"):  # also when it is not loaded
        unload = client.post(path, json={"model": MODEL, "keep_alive": keep_alive, **body}).json()
        assert unload["done_reason"] == "unload"
        assert is_gone(client)


def test_ps_describes_what_is_loaded(client: httpx.Client) -> None:
    client.post("/api/generate", json={"model": MODEL, "keep_alive": "10m"})

    (model,) = loaded(client)

    assert model["size"] > 0
    assert model["size_vram"] == 0, "all of it is on the CPU"
    assert len(model["digest"]) == 64
    assert model["context_length"] == 8192
    assert model["details"]["family"] == "llama"
    left = datetime.fromisoformat(model["expires_at"]) - datetime.now(UTC)
    assert 500 < left.total_seconds() < 601
    assert [engine["device"] for engine in model["engines"]] == ["CPU"]


@pytest.mark.parametrize("keep_alive", [-1, "-1", "-5m", 1e12])
def test_for_ever_is_a_date_centuries_ahead(client: httpx.Client, keep_alive: object) -> None:
    client.post("/api/generate", json={"model": MODEL, "keep_alive": keep_alive})

    (model,) = loaded(client)

    assert datetime.fromisoformat(model["expires_at"]).year > 2200


def test_keep_alive_zero_with_a_prompt_answers_first(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "options": {"num_predict": 3}, "keep_alive": 0}

    answer = client.post("/api/chat", json={**body, "stream": False}).json()

    assert answer["eval_count"] == 3
    assert is_gone(client)


def test_keep_alive_counts_from_the_last_request(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "options": {"num_predict": 2}, "stream": False}

    client.post("/api/chat", json={**body, "keep_alive": "700ms"})

    assert loaded(client)
    assert is_gone(client)


def test_unloading_lets_a_running_answer_finish(
    client: httpx.Client, own_server: Appliance
) -> None:
    body = {"model": MODEL, "prompt": "Go", "raw": True}
    options = {"num_predict": 150, "ignore_eos": True}
    with client.stream("POST", "/api/generate", json={**body, "options": options}) as stream:
        lines = stream.iter_lines()
        next(lines)
        with own_server.client() as other:
            unload = other.post("/api/generate", json={"model": MODEL, "keep_alive": 0}).json()
        assert unload["done_reason"] == "unload"
        last = list(lines)[-1]

    assert '"eval_count":150' in last
    assert is_gone(client)
