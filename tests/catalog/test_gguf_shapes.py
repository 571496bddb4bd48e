"""Every architecture that is imported, against llama.cpp's answers on small random models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai
import pytest
from numpy.typing import NDArray

from inference.catalog.gguf.architectures import ARCHITECTURES
from inference.catalog.gguf.importing import build_decoder_of, import_gguf
from inference.catalog.gguf.metadata import read_metadata
from tests.catalog.gguf_engines import EXACT, NPU, greedy, read_once
from tests.catalog.gguf_reference.shapes import (
    POSITIONS,
    SHAPES,
    VOCAB,
    prompt_of,
    weights_hash,
    write_model,
)

ANSWERS = np.load(Path(__file__).parent / "gguf_reference" / "answers.npz")
BF16 = {"INFERENCE_PRECISION_HINT": "bf16"}


def expected(name: str) -> NDArray[np.float64]:
    """llama.cpp's log-probabilities [positions, V], if they still belong to the model."""
    assert str(ANSWERS[f"{name}/weights"]) == weights_hash(name), "make the answers anew"
    return np.asarray(ANSWERS[f"{name}/logprobs"], np.float64)


def log_probabilities(decoder: ov.Model, ids: list[int], config: dict[str, Any]) -> Any:
    """What the decoder predicts after each of POSITIONS, in one pass on the CPU."""
    (read,) = read_once(decoder, [ids], config)
    logits = read.astype(np.float64)[list(POSITIONS)]
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def next_token(prompt: list[int]) -> tuple[ov.Tensor, openvino_genai.GenerationConfig]:
    config = greedy(1)
    config.logprobs = 1
    return ov.Tensor(np.array([prompt], np.int64)), config


@pytest.mark.parametrize("name", SHAPES)
def test_a_model_predicts_what_llama_cpp_predicts(name: str, tmp_path: Path) -> None:
    source = write_model(tmp_path / "model.gguf", name)
    decoder = build_decoder_of(source, read_metadata(source), lambda step, share: None)

    wanted, prompt = expected(name), prompt_of(name)

    exact = log_probabilities(decoder, prompt, EXACT)
    assert np.abs(exact - wanted).max() < 0.01
    # bf16 has 8 bits; what differs by them is averaged away over the vocabulary.
    rounded = log_probabilities(decoder, prompt, BF16)
    assert np.abs(rounded - wanted).max() < 0.3
    assert (np.exp(wanted) * (wanted - rounded)).sum(-1).max() < 0.005  # divergence, in nats


def test_every_architecture_that_is_imported_is_proved() -> None:
    assert {shape.architecture for shape in SHAPES.values()} == set(ARCHITECTURES)


@pytest.mark.parametrize("name", ["llama-3", "mistral", "qwen2", "qwen3", "gemma3", "phi3-long"])
def test_an_imported_folder_serves_it(name: str, tmp_path: Path) -> None:
    source = write_model(tmp_path / "model.gguf", name)
    import_gguf(source, tmp_path / "folder", None, lambda step, share: None)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 1
    pipeline = openvino_genai.ContinuousBatchingPipeline(
        str(tmp_path / "folder"), scheduler, "CPU", {}
    )

    for position, wanted in zip(POSITIONS, expected(name), strict=True):
        tokens, config = next_token(prompt_of(name)[: position + 1])
        handle = pipeline.add_request(position, tokens, config)
        while pipeline.has_non_finished_requests():
            pipeline.step()
        (output,) = handle.read().values()
        (token,) = output.generated_ids
        # int8 weights and bf16: near ties may go the other way, but not far.
        assert wanted.max() - wanted[token] < 0.3
        assert output.generated_log_probs[0] == pytest.approx(wanted[token], abs=0.3)


def test_it_runs_on_the_emulated_npu_too(tmp_path: Path) -> None:
    source = write_model(tmp_path / "model.gguf", "phi3-partial")
    import_gguf(source, tmp_path / "folder", "file", lambda step, share: None)
    pipeline = openvino_genai.LLMPipeline(str(tmp_path / "folder"), "NPU", **NPU)

    for position, wanted in zip(POSITIONS, expected("phi3-partial"), strict=True):
        answer = pipeline.generate(*next_token(prompt_of("phi3-partial")[: position + 1]))
        assert wanted.max() - wanted[answer.tokens[0][0]] < 0.3


def test_the_vocabulary_of_the_small_models_has_the_size_of_the_answers(tmp_path: Path) -> None:
    metadata = read_metadata(write_model(tmp_path / "model.gguf", "llama"))

    assert len(metadata.texts("tokenizer.ggml.tokens")) == VOCAB
    assert all(ANSWERS[f"{name}/logprobs"].shape == (len(POSITIONS), VOCAB) for name in SHAPES)
