"""A sentence encoder, compiled: ids in, vectors out.

Runs OpenVINO itself and not GenAI's TextEmbeddingPipeline, which takes texts only: ids that the
server counted and cut would be made anew by another tokenizer, and are not always the same
(docs/embeddings.md). Both are equally fast.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from inference.worker.batching import TOKENS_A_STEP
from inference.worker.protocol import Job

Vectors = NDArray[np.float32]

SHORT_TOKENS = 64
"""A static encoder computes its whole length for every text: questions get a length of their
own."""


class Encoder(Protocol):
    """`tokens_a_step` is how much, padding included, it should be given at once."""

    tokens_a_step: int

    def embed(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """The vectors [N, E] of at least one text, not normalised. Blocks; lets other threads run.
        Raises RuntimeError from OpenVINO."""


class DynamicEncoder:
    """For CPU and GPU: any number of texts of any length."""

    tokens_a_step = TOKENS_A_STEP

    def __init__(self, job: Job) -> None:
        model = ov.Core().compile_model(_graph(job), job.device, job.properties)
        self._request = model.create_infer_request()

    def embed(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """All texts in one pass, padded to the longest."""
        return _infer(self._request, texts, max(map(len, texts)))


class StaticEncoder:
    """For the NPU: one text at a time, at the shortest compiled length that holds it."""

    tokens_a_step = 1

    def __init__(self, job: Job) -> None:
        facts = json.loads(Path(job.folder, "facts.json").read_text(encoding="utf-8"))
        longest = int(facts["context_length"])
        core = ov.Core()
        self._requests: dict[int, Any] = {}
        for length in sorted({min(SHORT_TOKENS, longest), longest}):
            graph = core.read_model(_graph(job))
            graph.reshape({entry: [1, length] for entry in graph.inputs})
            model = core.compile_model(graph, job.device, job.properties)
            self._requests[length] = model.create_infer_request()

    def embed(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """One text after the other."""
        return np.concatenate([self._embed_one(text) for text in texts])

    def _embed_one(self, text: Sequence[int]) -> Vectors:
        length = min(length for length in self._requests if length >= len(text))
        return _infer(self._requests[length], [text], length)


class EchoEncoder:
    """No model: vectors made of the ids alone, for checking the wiring of clients."""

    tokens_a_step = TOKENS_A_STEP

    def __init__(self, job: Job) -> None:
        facts = json.loads(Path(job.folder, "facts.json").read_text(encoding="utf-8"))
        self._width = int(facts["embedding_length"])

    def embed(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """Equal vectors for equal ids, and only for those."""
        rows = [np.random.default_rng(list(text)).standard_normal(self._width) for text in texts]
        return np.asarray(rows, np.float32)


def load_encoder(job: Job) -> Encoder:
    """The encoder of that job, compiled. Raises RuntimeError from OpenVINO."""
    if job.runtime == "echo-embedding":
        return EchoEncoder(job)
    return StaticEncoder(job) if job.device.startswith("NPU") else DynamicEncoder(job)


def _graph(job: Job) -> Path:
    return Path(job.folder, "openvino_model.xml")


def _infer(request: Any, texts: Sequence[Sequence[int]], length: int) -> Vectors:
    ids = np.zeros((len(texts), length), np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    answer = request.infer({"input_ids": ids, "attention_mask": mask})
    return np.array(answer[0], np.float32)
