"""Names of models over the API: aliases, search, what is known, what may have been meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, change_rows, copy_home
from tests.catalog.loopback_hub import LoopbackHub

ALIAS = "gpt-4o-mini"
HELLO = [{"role": "user", "content": "Say hello."}]
OWN = '[[model]]\nnames = ["house-blend"]\n[[model.export]]\nrepository = "me/blend-int4-ov"\n'


@pytest.fixture(scope="module")
def hub() -> Iterator[LoopbackHub]:
    names = ("OpenVINO/phi-2-int4-ov", "someone/Phi-9-7B-int8-ov", "someone/other-embed-ov")
    server = LoopbackHub({name: Path("nowhere") for name in names})
    yield server
    server.close()


@pytest.fixture(scope="module")
def appliance(
    starter_home: Path, hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("names") / "home")
    (home / "models.toml").write_text(OWN)
    change_rows(home, f"models.ModelAlias.objects.create(name='{ALIAS}:latest', target='{MODEL}')")
    with Appliance.running(home, NPU_PROXY_DEVICE="CPU", HF_ENDPOINT=hub.url) as server:
        yield server


@pytest.fixture
def asking(appliance: Appliance) -> Iterator[httpx.Client]:
    with appliance.client() as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": HELLO, "stream": False, "options": {"num_predict": 4}}),
        ("/v1/chat/completions", {"messages": HELLO, "max_tokens": 4}),
        ("/v1/messages", {"messages": HELLO, "max_tokens": 4}),
    ],
)
def test_an_alias_answers_in_every_family(
    asking: httpx.Client, path: str, body: dict[str, object]
) -> None:
    answer = asking.post(path, json={"model": ALIAS, **body})

    assert answer.status_code == 200
    assert answer.json()["model"] == ALIAS  # the client hears the name it sent
    receipt = asking.get(f"/api/npu/requests/{answer.headers['X-Request-ID']}").json()
    assert receipt["model"] == MODEL  # and the owner learns which model it was


def test_an_alias_is_listed_shown_copied_and_pulled_like_its_model(asking: httpx.Client) -> None:
    listed = [model["id"] for model in asking.get("/v1/models").json()["data"]]
    assert listed == [MODEL, ALIAS]
    assert [model["name"] for model in asking.get("/api/tags").json()["models"]] == [MODEL]
    assert asking.post("/api/show", json={"model": ALIAS}).status_code == 200
    assert asking.post("/api/pull", json={"model": ALIAS, "stream": False}).json() == {
        "status": "success"
    }
    copied = asking.post("/api/copy", json={"source": ALIAS, "destination": "copy:1"})
    assert copied.status_code == 200
    assert asking.request("DELETE", "/api/delete", json={"model": "copy:1"}).status_code == 200
    assert asking.request("DELETE", "/api/delete", json={"model": ALIAS}).status_code == 404


def test_the_known_models_are_listed_the_owners_first(asking: httpx.Client) -> None:
    answer = asking.get("/api/models/known").json()

    by_name = {entry["ollama_name"]: entry for entry in answer["models"]}
    assert answer["models"][0]["ollama_name"] == "house-blend"
    assert answer["problem"] == ""
    assert by_name["phi-3.5"]["exports"][0]["devices"] == ["NPU"]
    assert "NPU" in by_name["bge-small"]["note"]
    matrix = {"tinyllama", "phi-2", "mistral", "llama2", "granite4:micro", "bge-base", "all-minilm"}
    assert matrix <= set(by_name)


def test_a_search_finds_known_models_and_the_hubs(asking: httpx.Client) -> None:
    answer = asking.get("/api/search", params={"q": "phi", "limit": 2}).json()
    rest = asking.get("/api/search", params={"q": "phi", "offset": 2}).json()

    assert (answer["limit"], answer["has_more"], answer["hub_error"]) == (2, True, "")
    found = {model["id"]: model for model in answer["models"] + rest["models"]}
    assert len(found) == answer["total"] == rest["total"]
    ours, theirs = found["OpenVINO/phi-2-int4-ov"], found["someone/Phi-9-7B-int8-ov"]
    assert (ours["pull_command"], ours["downloads"], ours["known"]) == (
        "ollama pull phi-2",
        7,
        True,
    )
    assert theirs["pull_command"] == "ollama pull someone/Phi-9-7B-int8-ov"
    assert (theirs["quantization"], theirs["parameters"]) == ("int8", "7B")
    assert (theirs["architecture"], theirs["known"]) == ("phi", False)


def test_a_search_can_be_narrowed(asking: httpx.Client) -> None:
    def names(**wanted: str) -> list[str]:
        answer = asking.get("/api/search", params={"q": "phi", **wanted}).json()
        return [model["id"] for model in answer["models"]]

    assert names(quantization="int8") == ["someone/Phi-9-7B-int8-ov"]
    assert names(type="embedding") == []
    assert names(min_downloads="8") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "best"},
        {"type": "song"},
        {"limit": "0"},
        {"limit": "x"},
        {"offset": "-1"},
        {"q": "x" * 201},
        {"min_downloads": "-1"},
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    asking: httpx.Client, wrong: dict[str, str]
) -> None:
    answer = asking.get("/api/search", params=wrong)

    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json()["error"]


def test_without_the_hub_a_search_has_the_known_models_and_says_so(
    asking: httpx.Client, hub: LoopbackHub
) -> None:
    hub.misbehaviour.status = 403  # 5xx would be tried again for a while
    try:
        answer = asking.get("/api/search", params={"q": "qwen3"}).json()
    finally:
        hub.misbehaviour.status = 0

    assert {"qwen3:0.6b", "qwen3"} <= {model["name"] for model in answer["models"]}
    assert "the hub" in answer["hub_error"]


def test_a_wrong_name_is_answered_with_close_ones(asking: httpx.Client) -> None:
    whole = asking.post("/api/pull", json={"model": "tinylama", "stream": False})
    lines = asking.post("/api/pull", json={"model": "tinylama"}).text.splitlines()

    assert whole.json()["error"] == "pull model manifest: file does not exist"
    assert whole.json()["suggestions"][0] == "tinyllama"
    assert json.loads(lines[-1]) == whole.json()


def test_search_and_known_models_are_in_the_openapi_document(asking: httpx.Client) -> None:
    paths = asking.get("/api/openapi.json").json()["paths"]

    parameters = {item["name"] for item in paths["/api/search"]["get"]["parameters"]}
    assert parameters == {"q", "sort", "limit", "offset", "type", "quantization", "min_downloads"}
    assert "400" in paths["/api/search"]["get"]["responses"]
    assert "/api/models/known" in paths
