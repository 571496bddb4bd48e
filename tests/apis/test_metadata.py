"""What the families say about models: tags, ps, show, models."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest

from apis.ollama.metadata import human_number, preset_lines
from tests.apis.conftest import MODEL


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (134_515_008, "134.52M"),
        (135_000_000, "135M"),
        (3_212_749_888, "3.2B"),
        (7_000_000_000, "7B"),
        (12_000, "12K"),
        (0, "0"),
    ],
)
def test_parameter_counts_as_ollama_writes_them(count: int, text: str) -> None:
    assert human_number(count) == text


def test_a_presets_parameters_as_a_modelfile_has_them() -> None:
    preset = {
        "top_k": 40,
        "temperature": 0.7,
        "stop": ["<|end|>", 'say "hi"'],
        "max_tokens": 10_000_000,
        "num_ctx": 4096,
    }

    assert preset_lines(preset) == [
        ("num_predict", "10000000"),
        ("num_ctx", "4096"),
        ("stop", '"<|end|>"'),
        ("stop", '"say \\"hi\\""'),
        ("temperature", "0.7"),
        ("top_k", "40"),
    ]


def test_tags(client: httpx.Client) -> None:
    (model,) = client.get("/api/tags").json()["models"]

    assert model["name"] == model["model"] == MODEL
    assert re.fullmatch(r"[0-9a-f]{64}", model["digest"])
    assert model["size"] > 50_000_000
    assert datetime.fromisoformat(model["modified_at"]).tzinfo is not None
    details = model["details"]
    assert details["family"] == "llama"
    assert details["families"] == ["llama"]
    assert details["parameter_size"] == "134.52M"
    assert details["format"]
    assert details["quantization_level"]
    assert details["context_length"] == 8192
    assert details["embedding_length"] == 576
    assert model["capabilities"] == ["completion", "tools"]


@pytest.mark.parametrize("body", [{"model": MODEL}, {"name": MODEL}, {"model": "", "name": MODEL}])
def test_show_takes_either_name(client: httpx.Client, body: dict[str, str]) -> None:
    shown = client.post("/api/show", json=body).json()

    info = shown["model_info"]
    assert info["general.architecture"] == "llama"
    assert info["general.parameter_count"] == 134_515_008
    assert next(v for k, v in info.items() if "context_length" in k) == 8192
    assert info["llama.block_count"] == 30
    assert info["llama.attention.head_count_kv"] == 3
    assert "<|im_start|>" in shown["template"]
    assert shown["modelfile"].startswith(f"FROM {MODEL}\n")
    assert {"temperature                    0.2", "top_p                          0.9"} <= set(
        shown["parameters"].splitlines()
    )  # what its makers recommend
    assert shown["capabilities"] == ["completion", "tools"]
    assert shown["details"]["family"] == "llama"


def test_clients_find_the_word_tools_in_a_template_that_knows_none(client: httpx.Client) -> None:
    template = client.post("/api/show", json={"model": MODEL}).json()["template"]

    assert template.startswith("{# tools")


def test_there_is_no_cloud_and_nobody_is_signed_in(client: httpx.Client) -> None:
    status, me = client.get("/api/status"), client.post("/api/me")

    assert status.json() == {"cloud": {"disabled": True, "source": "config"}}
    assert (me.status_code, me.json()["error"]) == (401, "unauthorized")


def test_copilot_sees_the_name_it_asked_for(client: httpx.Client) -> None:
    shown = client.post(
        "/api/show", json={"model": MODEL}, headers={"User-Agent": "GitHubCopilotChat/0.30"}
    ).json()

    assert shown["model_info"]["general.basename"] == MODEL


def test_show_of_an_unknown_model_is_404_and_adds_the_tag(client: httpx.Client) -> None:
    answer = client.post("/api/show", json={"model": "llama9"})

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "model 'llama9:latest' not found"},
    )


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/api/chat", {"model": "llama9", "messages": []}, 404, "model 'llama9' not found"),
        ("/api/generate", {"model": "llama9"}, 404, "model 'llama9' not found"),
        ("/api/generate", {}, 404, "model '' not found"),
        (
            "/api/embed",
            {"model": "llama9"},
            404,
            'model "llama9" not found, try pulling it first',
        ),
        ("/api/embed", {}, 404, "model '' not found"),
        ("/api/embed", {"model": MODEL}, 400, f'"{MODEL}" does not support embeddings'),
        ("/api/embeddings", {}, 400, "model is required"),
        ("/api/embeddings", {"model": MODEL}, 400, f'"{MODEL}" does not support embeddings'),
    ],
)
def test_models_that_are_not_there_or_cannot(
    client: httpx.Client, path: str, body: dict[str, object], status: int, text: str
) -> None:
    answer = client.post(path, json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": text})


def test_openai_lists_and_finds_models(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    found = client.get(f"/v1/models/{MODEL}").json()

    assert listed == {"object": "list", "data": [found]}
    assert found["id"] == MODEL
    assert found["object"] == "model"
    assert found["owned_by"] == "library"
    assert 0 < found["created"] <= datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    "name", ["llama9", "user/model:tag", "registry.x.org/a/b:c", "smollm2%3A9"]
)
def test_openai_says_404_with_its_code_for_names_of_any_form(
    client: httpx.Client, name: str
) -> None:
    answer = client.get(f"/v1/models/{name}")

    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == (
        "not_found_error",
        "model_not_found",
        "model",
    )
    assert name.replace("%3A", ":") in error["message"]
