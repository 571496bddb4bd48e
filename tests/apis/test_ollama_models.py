"""Copy, create, delete, blobs and push, on a server of this module's own, whose models change."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, copy_home, polls
from tests.catalog.tiny_gguf import byte_tokenizer, tiny_decoder, write_gguf

USER = [{"role": "user", "content": "Say hello."}]
SHORT = {"num_predict": 6, "temperature": 0}
THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n{% if enable_thinking is not defined or enable_thinking %}<think>\n"
    "{% else %}<think>\n\n</think>\n\n{% endif %}"
)


@pytest.fixture(scope="module")
def own(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("models") / "home")
    appliance = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()


@pytest.fixture
def client(own: Appliance) -> Iterator[httpx.Client]:
    with own.client() as client:
        yield client


@pytest.fixture
def sdk(own: Appliance) -> ollama.Client:
    return ollama.Client(host=own.url, timeout=120, trust_env=False)


def names(client: httpx.Client) -> set[str]:
    return {model["name"] for model in client.get("/api/tags").json()["models"]}


def digest_of(client: httpx.Client, name: str) -> str:
    models = client.get("/api/tags").json()["models"]
    return str(next(model["digest"] for model in models if model["name"] == name))


def rendered(client: httpx.Client, name: str) -> str:
    body = {"model": name, "messages": USER, "_debug_render_only": True}
    return str(client.post("/api/chat", json=body).json()["_debug_info"]["rendered_template"])


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_copy_answers_in_every_family_under_its_own_name(
    client: httpx.Client, sdk: ollama.Client
) -> None:
    assert sdk.copy(MODEL, "gpt-4o").status == "success"

    assert "gpt-4o:latest" in names(client)
    assert digest_of(client, "gpt-4o:latest") == digest_of(client, MODEL)
    for name in ("gpt-4o", "GPT-4o:latest"):
        assert sdk.chat(name, USER, options=SHORT).message.content
        body = {"model": name, "messages": USER, "max_tokens": 3}
        answer = client.post("/v1/chat/completions", json=body).json()
        assert answer["choices"][0]["message"]["content"]
        assert answer["model"] == name
    assert client.get("/v1/models/gpt-4o").status_code == 200


def test_a_copy_lives_on_when_another_one_goes(client: httpx.Client, sdk: ollama.Client) -> None:
    sdk.copy(MODEL, "first")
    sdk.copy("first", "second")
    sdk.copy("second", "second")

    assert sdk.delete("first").status == "success"

    assert "first:latest" not in names(client)
    with pytest.raises(ollama.ResponseError, match="model 'first:latest' not found") as raised:
        sdk.show("first")
    assert raised.value.status_code == 404
    assert sdk.generate("second", "Hello", options=SHORT).response
    sdk.delete("second")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/api/copy", {"source": "no", "destination": "x"}, 404, 'model "no" not found'),
        ("POST", "/api/copy", {"source": "", "destination": "x"}, 400, 'source "" is invalid'),
        (
            "POST",
            "/api/copy",
            {"source": MODEL, "destination": "a b"},
            400,
            'destination "a b" is invalid',
        ),
        ("DELETE", "/api/delete", {"model": "no"}, 404, "model 'no' not found"),
        ("DELETE", "/api/delete", {"model": "", "name": "no"}, 404, "model 'no' not found"),
        ("DELETE", "/api/delete", {"name": "a b"}, 400, 'name "a b" is invalid'),
        ("DELETE", "/api/delete", {}, 400, 'name "" is invalid'),
        ("POST", "/api/push", {"model": "no", "stream": False}, 404, "couldn't retrieve manifest"),
    ],
)
def test_what_cannot_be_done_is_told_in_ollamas_words(
    client: httpx.Client, method: str, path: str, body: dict[str, Any], status: int, text: str
) -> None:
    answer = client.request(method, path, json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": text})


def test_a_model_with_presets_says_and_does_what_they_say(
    client: httpx.Client, sdk: ollama.Client
) -> None:
    frames = sdk.create(
        "pirate",
        from_=MODEL,
        system="You are a pirate.",
        template="{{ .System }}\n{{ .Prompt }}\n> {{ .Response }}\n",
        parameters={"num_predict": 3, "temperature": 0, "stop": ["###"]},
        messages=[
            {"role": "user", "content": "Hey"},
            {"role": "assistant", "content": "Arr"},
        ],
        license="MIT",
        stream=True,
    )
    told = [frame.status for frame in frames]

    assert re.fullmatch("using existing layer sha256:[0-9a-f]{64}", told[0] or "")
    assert told[-2:] == ["writing manifest", "success"]
    assert rendered(client, "pirate") == "You are a pirate.\nHey\n> Arr\n\nSay hello.\n> "
    assert sdk.chat("pirate", USER).eval_count == 3
    assert sdk.chat("pirate", USER, options={"num_predict": 2}).eval_count == 2
    shown = client.post("/api/show", json={"model": "pirate"}).json()
    assert shown["system"] == "You are a pirate."
    assert shown["messages"][1] == {"role": "assistant", "content": "Arr"}
    assert shown["license"] == "MIT"
    assert shown["template"].endswith("{{ .System }}\n{{ .Prompt }}\n> {{ .Response }}\n")
    assert 'stop                           "###"' in shown["parameters"].splitlines()
    assert shown["details"]["parent_model"] == MODEL
    assert f"FROM {MODEL}\n" in shown["modelfile"]
    assert 'MESSAGE assistant """Arr"""' in shown["modelfile"]
    assert digest_of(client, "pirate:latest") != digest_of(client, MODEL)


def test_a_model_of_a_model_keeps_what_it_does_not_change(
    client: httpx.Client, sdk: ollama.Client
) -> None:
    sdk.create("base", from_=MODEL, system="One.", parameters={"num_predict": 4, "top_k": 1})
    sdk.create("base2", from_="base", parameters={"num_predict": 2})
    sdk.create("base", from_="base", system="Two.")

    assert "One." in rendered(client, "base2")
    assert "Two." in rendered(client, "base")
    assert (sdk.show("base2").parameters or "").split() == (
        ["num_predict", "2", "temperature", "0.2", "top_k", "1", "top_p", "0.9"]
    )


@pytest.fixture
def thinker(sdk: ollama.Client) -> str:
    """The starter under a template by which it reasons, which it does without end."""
    sdk.create("thinker", from_=MODEL, template=THINKS)
    return "thinker"


def test_reasoning_comes_beside_the_answer_unless_it_is_switched_off(
    sdk: ollama.Client, thinker: str
) -> None:
    assert "thinking" in (sdk.show(thinker).capabilities or ())

    for think in (None, True):
        parts = list(sdk.chat(thinker, USER, think=think, options=SHORT, stream=True))
        assert "".join(part.message.thinking or "" for part in parts)
        assert not any(part.message.content for part in parts)
    whole = sdk.generate(thinker, "Say hello.", options=SHORT)
    assert whole.thinking
    assert not whole.response
    silent = sdk.chat(thinker, USER, think=False, options=SHORT)
    assert silent.message.content
    assert not silent.message.thinking


def test_an_answer_has_its_form_when_reasoning_is_off(sdk: ollama.Client, thinker: str) -> None:
    answer = sdk.chat(
        thinker, USER, think=False, format={"enum": ["yes", "no"]}, options={"num_predict": 9}
    )

    assert json.loads(answer.message.content or "") in ("yes", "no")


def test_a_model_is_made_from_an_uploaded_file(
    client: httpx.Client, sdk: ollama.Client, tmp_path: Path
) -> None:
    tiny = tiny_decoder("llama")
    tiny.values |= byte_tokenizer()
    path = write_gguf(tmp_path / "tiny.gguf", tiny)

    digest = sdk.create_blob(path)
    frames = list(sdk.create("tiny", files={"tiny.gguf": digest}, system="Tiny.", stream=True))

    told = [frame.status or "" for frame in frames]
    assert told[0] == "parsing GGUF"
    assert f"creating new layer {digest}" in told
    assert any(status.startswith("converting model") for status in told)
    assert told[-1] == "success"
    assert sdk.show("tiny").details.family == "llama"  # type: ignore[union-attr]
    assert client.post("/api/show", json={"model": "tiny"}).json()["system"] == "Tiny."
    sdk.delete("tiny")
    assert "tiny:latest" not in names(client)


def test_a_file_that_is_no_model_is_told_so(client: httpx.Client, sdk: ollama.Client) -> None:
    digest = "sha256:" + hashlib.sha256(b"no model").hexdigest()
    client.post(f"/api/blobs/{digest}", content=b"no model")

    answer = client.post("/api/create", json={"model": "bad", "files": {"x.gguf": digest}})

    assert "error" in lines(answer)[-1]
    assert "bad:latest" not in names(client)


def test_a_model_that_cannot_be_imported_is_refused_with_the_reason(
    client: httpx.Client, sdk: ollama.Client, tmp_path: Path
) -> None:
    tiny = tiny_decoder("llama", seed=3)
    tiny.values["llama.expert_count"] = 8
    digest = sdk.create_blob(write_gguf(tmp_path / "mixture.gguf", tiny))

    answer = client.post("/api/create", json={"model": "mixture", "files": {"m.gguf": digest}})

    assert "mixture of experts" in lines(answer)[-1]["error"]
    assert "mixture:latest" not in names(client)


def folders(own: Appliance) -> set[str]:
    return {path.name for path in (own.home / "models" / "installed").iterdir()}


def test_files_go_with_the_last_model_that_has_them(
    own: Appliance, client: httpx.Client, sdk: ollama.Client, tmp_path: Path
) -> None:
    tiny = tiny_decoder("llama", seed=2)
    tiny.values |= byte_tokenizer()
    digest = sdk.create_blob(write_gguf(tmp_path / "tiny.gguf", tiny))
    before = folders(own)
    sdk.create("small", files={"a.gguf": digest})
    sdk.copy("small", "small2")
    assert len(folders(own) - before) == 1

    sdk.delete("small")
    assert len(folders(own) - before) == 1
    sdk.delete("small2")

    assert folders(own) == before


def blob(size: int) -> tuple[bytes, str]:
    content = bytes(range(256)) * (size // 256)
    return content, f"/api/blobs/sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_blob_larger_than_any_other_body_is_kept_once(client: httpx.Client) -> None:
    content, path = blob(40 * 2**20)

    assert client.head(path).status_code == 404
    pieces = (content[at : at + 2**20] for at in range(0, len(content), 2**20))
    assert client.post(path, content=pieces).status_code == 201
    assert client.head(path).status_code == 200
    assert client.post(path, content=content).status_code == 200


def test_a_blob_with_another_digest_is_refused_and_the_connection_stays_usable(
    own: Appliance, client: httpx.Client
) -> None:
    _, path = blob(256)

    wrong = client.post(path, content=b"something else")
    again = client.get("/api/version")

    assert wrong.status_code == 400
    got = hashlib.sha256(b"something else").hexdigest()
    assert wrong.json()["error"] == (
        f'digest mismatch, expected "{path.rpartition("/")[2]}", got "sha256:{got}"'
    )
    assert client.head(path).status_code == 404
    ports = {r.extensions["network_stream"].get_extra_info("client_addr") for r in (wrong, again)}
    assert len(ports) == 1, "the same connection"


@pytest.mark.parametrize("digest", ["sha256:123", "md5:" + "0" * 64, "sha256:" + "g" * 64])
def test_a_digest_that_is_none_is_refused(client: httpx.Client, digest: str) -> None:
    answer = client.post(f"/api/blobs/{digest}", content=b"x")

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid digest format"})
    assert client.head(f"/api/blobs/{digest}").status_code == 400


def test_nothing_stays_of_an_upload_whose_client_leaves(own: Appliance) -> None:
    content, path = blob(8 * 2**20)
    kept = own.home / "models" / "blobs"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", own.port), timeout=10) as connection:
        connection.sendall(head.encode() + content[: 6 * 2**20])
        assert any(list(kept.glob(".part-*")) for _ in polls(10, pause=0.02))

    assert any(not list(kept.glob(".part-*")) for _ in polls(10, pause=0.02))


def test_push_says_that_there_is_nowhere_to_push_to(sdk: ollama.Client) -> None:
    told = []
    with pytest.raises(ollama.ResponseError, match="push is not supported"):
        told.extend(frame.status for frame in sdk.push(MODEL, stream=True))
    with pytest.raises(ollama.ResponseError, match="push is not supported"):
        sdk.push(MODEL)
