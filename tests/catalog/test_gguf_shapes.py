"""Every architecture that is imported, against llama.cpp's answers on small random models."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import openvino as ov
import openvino_genai
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.catalog.gguf.architectures import ARCHITECTURES
from inference.catalog.gguf.frontend import load_weights
from inference.catalog.gguf.hyperparameters import read_hyperparameters
from inference.catalog.gguf.importing import build_decoder_of, import_gguf
from inference.catalog.gguf.metadata import read_metadata
from inference.catalog.gguf.tokenizer import build_tokenizer
from inference.catalog.gguf.tokenizer_models import build_tokenizer_models
from inference.catalog.gguf.weights import unpack
from tests.catalog.gguf_reference.shapes import (
    POSITIONS,
    SHAPES,
    VOCAB,
    prompt_of,
    weights_hash,
    write_model,
    write_packed,
)
from tests.catalog.gguf_reference.vocabularies import (
    TEXTS,
    Vocabulary,
    vocabularies,
    write_vocabulary,
)

REFERENCE = Path(__file__).parent / "gguf_reference"
ANSWERS = np.load(REFERENCE / "answers.npz")
IDS = json.loads((REFERENCE / "ids.json").read_text())
EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f16",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}
BF16 = {"INFERENCE_PRECISION_HINT": "bf16"}
NPU = {
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
    "MAX_PROMPT_LEN": 128,
    "MIN_RESPONSE_LEN": 64,
}
VOCABULARIES = vocabularies()


def expected(name: str) -> NDArray[np.float64]:
    """llama.cpp's log-probabilities [positions, V], if they still belong to the model."""
    assert str(ANSWERS[f"{name}/weights"]) == weights_hash(name), "make the answers anew"
    return np.asarray(ANSWERS[f"{name}/logprobs"], np.float64)


def log_probabilities(decoder: ov.Model, ids: list[int], config: dict[str, Any]) -> Any:
    """What the decoder predicts after each of POSITIONS, in one pass on the CPU."""
    compiled = ov.Core().compile_model(decoder, "CPU", config)
    tokens = np.array([ids], np.int64)
    answer = compiled(
        {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "position_ids": np.arange(len(ids))[None],
            "beam_idx": np.zeros(1, np.int32),
        }
    )
    logits = np.asarray(answer[0][0], np.float64)[list(POSITIONS)]
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def greedy(prompt: list[int]) -> tuple[Any, Any]:
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens, config.do_sample, config.ignore_eos = 1, False, True
    config.logprobs = 1
    return ov.Tensor(np.array([prompt], np.int64)), config


def read_weights(source: Path, names: list[str]) -> dict[str, NDArray[np.float32] | None]:
    metadata = read_metadata(source)
    weights = load_weights(source, read_hyperparameters(metadata), metadata, is_exact=True)
    return {name: unpack(weights[name]) for name in names}


@pytest.fixture(scope="module")
def fresh_process() -> Iterator[ProcessPoolExecutor]:
    """The frontend decides once in a process whether it rounds zero points."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


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
        tokens, config = greedy(prompt_of(name)[: position + 1])
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
        answer = pipeline.generate(*greedy(prompt_of("phi3-partial")[: position + 1]))
        assert wanted.max() - wanted[answer.tokens[0][0]] < 0.3


@pytest.mark.parametrize(
    "kind",
    ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"],
)
def test_weights_are_read_as_they_were_packed(
    kind: str, tmp_path: Path, fresh_process: ProcessPoolExecutor
) -> None:
    source, originals = write_packed(tmp_path / "model.gguf", gguf.GGMLQuantizationType[kind])

    weights = fresh_process.submit(read_weights, source, list(originals)).result(timeout=60)

    for name, original in originals.items():
        values = weights[name]
        assert values is not None
        # Scales and zero points are rounded to f16.
        assert np.abs(values - original).max() <= 2e-3 * np.abs(original).max(), name


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.name)
def test_texts_are_cut_as_llama_cpp_cuts_them(vocabulary: Vocabulary, tmp_path: Path) -> None:
    assert IDS[vocabulary.name]["hash"] == vocabulary.hash, "make the answers anew"
    source = write_vocabulary(tmp_path / "model.gguf", vocabulary)
    tokenizer = build_tokenizer(read_metadata(source))
    server = Tokenizer.from_str(json.dumps(tokenizer.description))
    names = ("openvino_tokenizer.xml", "openvino_detokenizer.xml")
    for name, model in zip(names, build_tokenizer_models(tokenizer, None), strict=True):
        ov.save_model(model, tmp_path / name)
    engine = openvino_genai.Tokenizer(str(tmp_path))

    for text, joined in zip(TEXTS, IDS[vocabulary.name]["ids"], strict=True):
        ids = [int(i) for i in joined.split()]
        assert server.encode(text, add_special_tokens=False).ids == ids, text
        theirs = engine.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
        assert theirs == ids, text
        # SentencePiece puts its blank behind every special token, too: llama.cpp's way.
        if vocabulary.name != "spaced" or "<|im_start|>" not in text:
            assert server.decode(ids, skip_special_tokens=False) == text
            assert engine.decode(ids, skip_special_tokens=False) == text
        first = server.encode(text).ids
        assert first == ([1, *ids] if vocabulary.model == "llama" else ids)


def test_the_vocabulary_of_the_small_models_has_the_size_they_say() -> None:
    assert all(max(prompt_of(name)) < VOCAB for name in SHAPES)
