"""Compressing and converting over the API: what is refused, and one model from its GGUF file to an
answer from the emulated NPU, on a server of its own that is killed in the middle of another job."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, copy_home, polls
from tests.catalog.tiny_gguf import tiny_decoder, write_gguf


@pytest.mark.parametrize(
    ("body", "status", "field", "words"),
    [
        ({}, 400, "model", "model is required"),
        ({"model": MODEL}, 400, "to", "is not one of int8, int4, npu"),
        ({"model": MODEL, "to": "q4_K_M"}, 400, "to", "is not one of int8, int4, npu"),
        ({"model": "no-such-model", "to": "npu"}, 404, None, "not found"),
        ({"model": MODEL, "to": "int8"}, 400, "to", "already"),
        ({"model": MODEL, "to": "npu", "name": "a b"}, 400, "model", "invalid model name"),
        ({"model": MODEL, "to": 4}, 400, "to", "string"),
    ],
)
def test_what_cannot_be_compressed_is_refused(
    client: httpx.Client, body: dict[str, object], status: int, field: str | None, words: str
) -> None:
    answer = client.post("/api/npu/models/compress", json=body)

    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert answer.json()["field"] == field


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "source is required"),
        ({"source": "org/name"}, 400, "is not one of fp16, int8, int4, npu"),
        ({"source": "no repository", "to": "npu"}, 400, "neither a hub's repository"),
        ({"source": "file:../../etc", "to": "npu"}, 404, "does not exist"),
    ],
)
def test_what_cannot_be_converted_is_refused(
    client: httpx.Client, body: dict[str, object], status: int, words: str
) -> None:
    answer = client.post("/api/npu/models/convert", json=body)

    assert answer.status_code == status
    assert words in answer.json()["error"]


@pytest.fixture(scope="module")
def tiny_home(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the starter, whose import folder has a tiny model with room for an NPU's
    static shapes."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("making") / "home")
    drop = home / "models" / "import"
    drop.mkdir(exist_ok=True)
    model = tiny_decoder("llama")
    model.values["llama.context_length"] = 2048
    write_gguf(drop / "tiny.gguf", model)
    return home


@pytest.fixture
def start(tiny_home: Path) -> Iterator[list[Appliance]]:
    """The servers that a test started; stopped after it."""
    started: list[Appliance] = []
    yield started
    for appliance in started:
        if appliance.process.poll() is None:
            appliance.stop()


def serve(home: Path, started: list[Appliance], **variables: str) -> Appliance:
    appliance = Appliance.start(
        home,
        NPUCONSOLE_EMULATE_NPU="1",
        NPU_PROXY_MAX_PROMPT_LEN="256",
        NPU_PROXY_TOKEN_LIMIT="200",
        **variables,
    )
    started.append(appliance)
    return appliance


def test_a_gguf_file_becomes_what_an_npu_wants_and_a_kill_leaves_no_half_of_anything(
    tiny_home: Path, start: list[Appliance], compress_extra: Path, tmp_path: Path
) -> None:
    appliance = serve(tiny_home, start)
    installed = tiny_home / "models" / "installed"
    with appliance.client() as client:
        pulled = client.post("/api/pull", json={"model": "file:tiny.gguf", "stream": False})
        assert pulled.json() == {"status": "success"}
        made = client.post("/api/npu/models/compress", json={"model": "tiny", "to": "npu"})
        lines = [json.loads(line)["status"] for line in made.text.splitlines()]
        assert lines[0] == "compress tiny:latest to npu"
        assert any(line.startswith("perplexity ") for line in lines)
        assert lines[-1] == "success"
        options = {"temperature": 0, "num_predict": 4}
        answer = client.post(
            "/api/generate",
            json={"model": "tiny@npu", "prompt": "Hello", "stream": False, "options": options},
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-NPU-Proxy-Execution-Device"] == "NPU"
        assert answer.json()["eval_count"] == 4
        made_by_ollamas_client(ollama.Client(host=appliance.url, timeout=120, trust_env=False))
        before = sorted(path.name for path in installed.iterdir())
        assert len(before) == 4

        body = {"model": "tiny", "to": "int4"}
        with client.stream("POST", "/api/npu/models/compress", json=body) as stream:
            for line in stream.iter_lines():
                if json.loads(line)["status"] == "compressing":
                    break
            appliance.process.kill()
            appliance.process.wait()

    again = serve(tiny_home, start, NPUCONSOLE_EXTRAS=str(tmp_path))
    with again.client() as client:
        for _ in polls(30.0):
            jobs = client.get("/api/npu/pulls").json()["pulls"]
            newest = next(job for job in jobs if job["model"] == "tiny:latest")
            if newest["status"] == "failed":
                break
        assert "nothing is left of it" in newest["error"]
        assert list((tiny_home / "models" / ".work").iterdir()) == []
        assert sorted(path.name for path in installed.iterdir()) == before
        asked = {"model": "tiny", "verbose": True}
        shown = client.post("/api/show", json=asked).json()["model_info"]
        assert shown["npuconsole.weight_formats"] == ["int4_sym", "int8"]
        a_missing_extra_is_named(client)


def made_by_ollamas_client(sdk: ollama.Client) -> None:
    """A model of its own with other weights and presets; the lines are those that Ollama's command
    makes a bar of."""
    parts = list(
        sdk.create("small", from_="tiny", quantize="q4_K_M", system="Be brief.", stream=True)
    )
    words = list(dict.fromkeys(part.status or "" for part in parts))
    assert words[0].startswith("using existing layer sha256:")
    assert re.fullmatch(r"quantizing \w+ model to int4", words[1])
    assert words[2].startswith("perplexity ")
    assert words[3].startswith("creating new layer sha256:")
    assert words[4:] == ["writing manifest", "success"]
    bar = [part for part in parts if part.status == words[1]]
    assert len({(part.digest, part.total) for part in bar}) == 1
    done = [part.completed or 0 for part in bar]
    assert done == sorted(done) and 0 < done[-1] <= (bar[0].total or 0)
    shown = sdk.show("small")
    assert shown.details
    assert (shown.details.parent_model, shown.details.quantization_level) == (
        "tiny:latest",
        "int4_asym-g64",
    )
    assert "Be brief." in (shown.modelfile or "")


def a_missing_extra_is_named(client: httpx.Client) -> None:
    has_nncf = importlib.util.find_spec("nncf") is not None  # in this environment itself
    for path, body, extra in (
        ("/api/create", {"model": "x", "from": "tiny", "quantize": "q4_0"}, "compress"),
        ("/api/npu/models/compress", {"model": "tiny", "to": "int4"}, "compress"),
        ("/api/npu/models/convert", {"source": "org/name", "to": "npu"}, "convert"),
    ):
        if has_nncf and extra == "compress":
            continue
        answer = client.post(path, json={**body, "stream": False})
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(f"install it with: npuconsole extra {extra}")
