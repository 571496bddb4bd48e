"""Embeddings over HTTP: the real all-MiniLM against golden vectors, in both families' forms."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from openai.types import CreateEmbeddingResponse
from tokenizers import Tokenizer

from tests.apis.conftest import ENCODER, MODEL
from tests.appliance_process import Appliance
from tests.catalog.minilm_files import minilm_files

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "minilm.json").read_text(encoding="utf-8")
)["vectors"]
WIDTH = 384
TEXT = "The cat sits on the mat."
LONG = "one two three " * 2000


@pytest.fixture
def client(encoder_api: Appliance) -> Iterator[httpx.Client]:
    with encoder_api.client() as client:
        yield client


def embed(client: httpx.Client, value: Any, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/embed", json={"model": ENCODER, "input": value, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def vectors(client: httpx.Client, value: Any, **more: Any) -> NDArray[np.float64]:
    return np.array(embed(client, value, **more)["embeddings"])


def lengths(rows: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.linalg.norm(rows, axis=-1)
    return found


def are_alike(first: NDArray[Any], second: NDArray[Any], least: float = 0.999) -> bool:
    """Whether the vectors, which are of any length, point the same way. A batch's other texts
    change the last digits."""
    products = (first * second).sum(-1) / lengths(first) / lengths(second)
    return bool(np.all(products >= least))


# --- Ollama --------------------------------------------------------------------------------------


def test_every_golden_text_has_its_vector_and_its_tokens(client: httpx.Client) -> None:
    golden = np.array([entry["embedding"] for entry in GOLDEN])
    texts = [entry["text"] for entry in GOLDEN]

    alone = [embed(client, text) if text else embed(client, [""]) for text in texts]
    together = embed(client, texts)

    counts = [answer["prompt_eval_count"] for answer in alone]
    assert counts == [entry["tokens"] for entry in GOLDEN]
    assert together["prompt_eval_count"] == sum(counts)
    assert are_alike(np.array([answer["embeddings"][0] for answer in alone]), golden)
    assert are_alike(np.array(together["embeddings"]), golden)


def test_the_answer_has_ollamas_fields(client: httpx.Client) -> None:
    answer = embed(client, ["never seen before", "nor this one"])

    assert set(answer) == {
        "model", "embeddings", "total_duration", "load_duration", "prompt_eval_count",
    }  # fmt: skip
    assert answer["model"] == ENCODER
    assert np.array(answer["embeddings"]).shape == (2, WIDTH)
    assert lengths(np.array(answer["embeddings"])) == pytest.approx(1, abs=1e-5)
    assert 0 < answer["load_duration"] <= answer["total_duration"]


@pytest.mark.parametrize("body", [{}, {"input": None}, {"input": ""}, {"input": []}])
def test_nothing_to_embed_only_loads_the_model(client: httpx.Client, body: dict[str, Any]) -> None:
    unloaded = client.post("/api/embed", json={"model": ENCODER, "keep_alive": 0})
    assert ENCODER not in client.get("/api/ps").text

    answer = client.post("/api/embed", json={"model": ENCODER, **body})

    assert unloaded.json() == answer.json() == {"model": ENCODER, "embeddings": []}
    assert ENCODER in client.get("/api/ps").text


@pytest.mark.parametrize("value", [5, True, {"a": 1}, [1, 2], ["a", 1], [["a"]], [None]])
def test_what_is_no_text_is_refused(client: httpx.Client, value: Any) -> None:
    answer = client.post("/api/embed", json={"model": ENCODER, "input": value})

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid input type"})


def test_fields_that_nobody_knows_are_told_and_strictly_refused(client: httpx.Client) -> None:
    body = {"model": ENCODER, "input": TEXT, "task": "query"}

    told = client.post("/v1/embeddings", json=body)
    refused = client.post("/v1/embeddings", json=body, headers={"X-NPU-Proxy-Strict": "1"})

    assert told.headers["X-NPU-Proxy-Ignored"] == "task"
    assert refused.status_code == 400


def test_a_long_text_is_cut_unless_that_is_forbidden(client: httpx.Client) -> None:
    answer = embed(client, [LONG, TEXT])
    assert answer["prompt_eval_count"] == 256 + 9
    assert embed(client, [LONG], options={"num_ctx": 100})["prompt_eval_count"] == 100

    refused = client.post("/api/embed", json={"model": ENCODER, "input": LONG, "truncate": False})

    assert refused.status_code == 400
    assert refused.json() == {"error": "the input length exceeds the context length"}


@pytest.mark.parametrize(("dimensions", "width"), [(32, 32), (383, 383), (384, 384), (9999, 384)])
def test_dimensions_cut_and_normalise_again(
    client: httpx.Client, dimensions: int, width: int
) -> None:
    whole = vectors(client, TEXT)

    cut = vectors(client, TEXT, dimensions=dimensions)

    assert cut.shape == (1, width)
    assert lengths(cut) == pytest.approx(1, abs=1e-5)
    assert are_alike(cut, whole[:, :width], 0.99999)


def test_the_older_form_is_not_normalised(client: httpx.Client) -> None:
    body = {"model": ENCODER, "prompt": TEXT}
    raw = np.array(client.post("/api/embeddings", json=body).json()["embedding"])

    assert not 0.9 < lengths(raw) < 1.1
    assert are_alike(raw, vectors(client, TEXT)[0], 0.99999)


@pytest.mark.parametrize("body", [{}, {"prompt": ""}])
def test_the_older_form_without_a_prompt_only_loads(
    client: httpx.Client, body: dict[str, Any]
) -> None:
    answer = client.post("/api/embeddings", json={"model": ENCODER, **body})

    assert (answer.status_code, answer.json()) == (200, {"embedding": []})


def test_options_without_effect_are_named(client: httpx.Client) -> None:
    options = {"num_ctx": 8192, "temperature": 0.5, "num_thread": 2, "odd": 1}
    answer = client.post("/api/embed", json={"model": ENCODER, "input": "x", "options": options})

    assert answer.headers["X-NPU-Proxy-Ignored"] == "temperature, num_thread, odd"


def test_headers_say_where_it_ran(client: httpx.Client) -> None:
    answer = client.post("/api/embed", json={"model": ENCODER, "input": [TEXT, "NPU"]})

    assert answer.headers["X-NPU-Proxy-Device"] == "CPU"
    assert answer.headers["X-NPU-Proxy-Route-Reason"] == "preferred_device"
    assert answer.headers["X-NPU-Proxy-Token-Count"] == "13"
    assert "X-NPU-Proxy-Fallback-Reason" not in answer.headers


def test_too_many_texts_are_refused(client: httpx.Client) -> None:
    answer = client.post("/api/embed", json={"model": ENCODER, "input": [""] * 10_000})

    assert answer.status_code == 400
    assert "at most 8192 texts" in answer.json()["error"]


# --- OpenAI --------------------------------------------------------------------------------------


@pytest.fixture
def sdk(encoder_api: Appliance) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{encoder_api.url}/v1",
        api_key="dummy",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def test_openai_answers_fit_the_packages_types_strictly(sdk: openai.OpenAI) -> None:
    raw = sdk.embeddings.with_raw_response.create(
        model=ENCODER, input=[TEXT, "NPU"], encoding_format="float"
    )

    answer = CreateEmbeddingResponse.model_validate_json(raw.text, strict=True)

    assert [item.index for item in answer.data] == [0, 1]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 13
    assert lengths(np.array([item.embedding for item in answer.data])) == pytest.approx(1, abs=1e-5)


def test_base64_is_the_same_numbers(client: httpx.Client, sdk: openai.OpenAI) -> None:
    def ask(**more: str) -> Any:
        body = {"model": ENCODER, "input": TEXT, **more}
        return client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]

    numbers = np.array(ask(), np.float32)
    packed = np.frombuffer(base64.b64decode(ask(encoding_format="BASE64")), "<f4")
    decoded = sdk.embeddings.create(model=ENCODER, input=TEXT).data[0].embedding

    assert np.array_equal(packed, numbers)
    assert decoded == packed.tolist()


@pytest.mark.parametrize("special", [True, False])
def test_token_ids_are_as_good_as_their_text(client: httpx.Client, special: bool) -> None:
    tokenizer = Tokenizer.from_file(str(minilm_files() / "tokenizer.json"))
    tokenizer.no_padding()
    ids = [tokenizer.encode(text, add_special_tokens=special).ids for text in (TEXT, "NPU")]

    def ask(value: Any) -> dict[str, Any]:
        return dict(client.post("/v1/embeddings", json={"model": ENCODER, "input": value}).json())

    several, one, texts = ask(ids), ask(ids[0]), ask([TEXT, "NPU"])
    assert several == texts
    assert one["data"] == texts["data"][:1]
    assert one["usage"] == {"prompt_tokens": 9, "total_tokens": 9}


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({}, "input", "invalid input"),
        ({"input": None}, "input", "invalid input"),
        ({"input": []}, "input", "invalid input"),
        ({"input": 5}, "input", "invalid input type"),
        ({"input": ["a", 1]}, "input", "invalid input type"),
        ({"input": [[1], "a"]}, "input", "invalid input type"),
        ({"input": [True]}, "input", "invalid input type"),
        ({"input": [1.5]}, "input", "invalid input type"),
        ({"input": [99999]}, "input", "no token of this model"),
        ({"input": [[-1]]}, "input", "no token of this model"),
        ({"input": "a", "dimensions": 0}, "dimensions", "must be at least 1"),
        (
            {"input": "a", "encoding_format": "hex"},
            "encoding_format",
            "Invalid value for 'encoding_format' = hex. Supported values: ['float', 'base64'].",
        ),
    ],
)
def test_openai_says_what_is_wrong(
    client: httpx.Client, body: dict[str, Any], field: str, text: str
) -> None:
    answer = client.post("/v1/embeddings", json={"model": ENCODER, **body})

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", field)
    assert text in error["message"]


def test_an_empty_text_is_a_text_for_openai(client: httpx.Client) -> None:
    answer = client.post("/v1/embeddings", json={"model": ENCODER, "input": ""}).json()

    assert answer["usage"]["prompt_tokens"] == 2
    assert are_alike(np.array(answer["data"][0]["embedding"]), vectors(client, [""])[0])


# --- the model -----------------------------------------------------------------------------------


def test_the_encoder_is_listed_and_described(client: httpx.Client) -> None:
    listed = {model["name"]: model for model in client.get("/api/tags").json()["models"]}
    shown = client.post("/api/show", json={"model": ENCODER}).json()
    ids = [model["id"] for model in client.get("/v1/models").json()["data"]]

    model = listed[f"{ENCODER}:latest"]
    assert model["capabilities"] == shown["capabilities"] == ["embedding"]
    assert model["details"]["family"] == "bert"
    assert model["details"]["parameter_size"] == "22.57M"
    assert model["details"]["quantization_level"] == "F16"
    assert (model["details"]["context_length"], model["details"]["embedding_length"]) == (256, 384)
    info = shown["model_info"]
    assert info["general.architecture"] == "bert"
    assert (info["bert.context_length"], info["bert.embedding_length"]) == (256, 384)
    assert info["bert.block_count"] == 6
    assert info["tokenizer.ggml.model"] == "bert"
    assert f"{ENCODER}:latest" in ids


@pytest.mark.parametrize(
    ("path", "body", "verb"),
    [
        ("/api/generate", {"prompt": "x"}, "generate"),
        ("/api/generate", {}, "generate"),
        ("/api/chat", {"messages": [{"role": "user", "content": "x"}]}, "chat"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, "chat"),
    ],
)
def test_an_encoder_does_not_generate(
    client: httpx.Client, path: str, body: dict[str, Any], verb: str
) -> None:
    answer = client.post(path, json={"model": ENCODER, **body})

    assert answer.status_code == 400
    assert f'"{ENCODER}" does not support {verb}' in str(answer.json()["error"])


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings", "/v1/embeddings"])
def test_a_text_model_does_not_embed(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json={"model": MODEL, "input": "x", "prompt": "x"})

    assert answer.status_code == 400
    assert f'"{MODEL}" does not support embeddings' in str(answer.json()["error"])


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
def test_a_model_that_is_not_there_could_be_pulled(client: httpx.Client, path: str) -> None:
    body = {"model": "BAAI/bge-small-en-v1.5", "input": "x", "prompt": "x"}
    answer = client.post(path, json=body)

    assert answer.status_code == 404
    text = 'model "BAAI/bge-small-en-v1.5" not found, try pulling it first'
    assert answer.json() == {"error": text}
