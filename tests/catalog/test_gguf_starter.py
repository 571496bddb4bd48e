"""The real starter, imported, against golden facts from the reference implementation."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino_genai
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.catalog.recompression.perplexity import sample_text, windows
from tests.catalog import starter_file
from tests.catalog.gguf_engines import (
    EXACT,
    NPU,
    generate_alone,
    generate_in_batch,
    read_once,
    run_import,
)

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "starter.json").read_text(encoding="utf-8")
)
NEAR_TIE = 0.5
"""In the exact logits; bf16 has steps of 0.125 at their size."""


@pytest.fixture(scope="session")
def starter_gguf() -> Path:
    given_path = os.environ.get("NPUCONSOLE_TEST_GGUF")
    return Path(given_path) if given_path else starter_file.starter_gguf()


@pytest.fixture(scope="session")
def imported(starter_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The starter imported by the child process, once for each weight format."""
    folder = tmp_path_factory.mktemp("imported")

    def get(weight_format: str) -> Path:
        target = folder / weight_format
        if not target.exists():
            code, lines = run_import(starter_gguf, target, "--weights", weight_format)
            assert code == 0, lines
        return target

    return get


@pytest.mark.parametrize("case", GOLDEN["tokenizer"], ids=lambda case: case["text"][:12])
def test_both_tokenizers_give_the_golden_ids_and_the_text_back(
    imported: Callable[[str], Path], case: dict[str, Any]
) -> None:
    folder = imported("int8")
    server = Tokenizer.from_file(str(folder / "tokenizer.json"))
    engine = openvino_genai.Tokenizer(str(folder))

    assert server.encode(case["text"], add_special_tokens=False).ids == case["ids"]
    for special in (False, True):
        ids = engine.encode(case["text"], add_special_tokens=special).input_ids.data[0].tolist()
        assert ids == case["ids"]
    assert server.decode(case["ids"], skip_special_tokens=False) == case["text"]
    assert engine.decode(case["ids"], skip_special_tokens=False) == case["text"]


@pytest.fixture(scope="module")
def texts(imported: Callable[[str], Path]) -> list[list[int]]:
    """The golden text, and four pieces of another one."""
    tokenizer = Tokenizer.from_file(str(imported("file") / "tokenizer.json"))
    ids = tokenizer.encode(sample_text(), add_special_tokens=False).ids
    return [GOLDEN["teacher_forced"]["ids"], *windows(ids, 8192, most=4)]


@pytest.fixture(scope="module")
def unrounded(imported: Callable[[str], Path], texts: list[list[int]]) -> list[NDArray[np.int64]]:
    """What is likeliest after each token of the texts, by the graph that rounds nothing."""
    logits = read_once(imported("file") / "openvino_model.xml", texts, EXACT)
    return [each.argmax(-1) for each in logits]


def test_the_graph_is_the_reference_when_nothing_is_rounded(
    unrounded: list[NDArray[np.int64]],
) -> None:
    assert unrounded[0].tolist() == GOLDEN["teacher_forced"]["argmax"]


@pytest.mark.parametrize(
    ("weight_format", "least_agreement", "most_perplexity"),
    [("file", 0.95, 0.03), ("int8", 0.93, 0.04)],
)
def test_the_starter_predicts_what_the_reference_predicts(
    imported: Callable[[str], Path],
    texts: list[list[int]],
    unrounded: list[NDArray[np.int64]],
    weight_format: str,
    least_agreement: float,
    most_perplexity: float,
    record_property: Callable[[str, object], None],
) -> None:
    reference = GOLDEN["teacher_forced"]
    ids = np.array(reference["ids"])
    agreements = []
    for hint in (None, "f32"):
        config = {"INFERENCE_PRECISION_HINT": hint} if hint else {}
        read = read_once(imported(weight_format) / "openvino_model.xml", texts, config)

        # The golden text alone is too short for this: near ties make its share go up and down by
        # two in a hundred with the order in which a graph's numbers are added.
        same = [each.argmax(-1) == best for each, best in zip(read, unrounded, strict=True)]
        agreements.append(float(np.mean(np.concatenate(same))))
        logits = read[0].astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        loss = -logits[np.arange(len(ids) - 1), ids[1:]]
        change = float(np.exp(loss.mean()) / reference["perplexity"] - 1)
        record_property(f"{weight_format} {hint or 'default'} agreement", agreements[-1])
        record_property(f"{weight_format} {hint or 'default'} perplexity change", change)
        assert abs(change) <= most_perplexity, hint
    assert np.mean(agreements) >= least_agreement


def test_eight_bits_alone_change_little(
    imported: Callable[[str], Path], texts: list[list[int]], unrounded: list[NDArray[np.int64]]
) -> None:
    """Nothing but the weights is rounded here, so no kernel's luck plays a part."""
    read = read_once(imported("int8") / "openvino_model.xml", texts, EXACT)

    same = [each.argmax(-1) == best for each, best in zip(read, unrounded, strict=True)]
    assert np.mean(np.concatenate(same)) >= 0.94


@pytest.mark.parametrize(
    ("engine", "weight_format"),
    [("batching", "file"), ("batching", "int8"), ("plain", "file"), ("npu", "int8")],
)
def test_one_folder_runs_on_every_engine_and_begins_as_the_reference_does(
    imported: Callable[[str], Path], weight_format: str, engine: str
) -> None:
    folder = imported(weight_format)
    cases = GOLDEN["greedy"]
    prompts = [case["prompt_ids"] for case in cases]

    if engine == "batching":
        answers = generate_in_batch(folder, prompts, 24)
    elif engine == "plain":
        answers = generate_alone(folder, "CPU", prompts, 24, ATTENTION_BACKEND="SDPA")
    else:
        answers = generate_alone(folder, "NPU", prompts, 24, **NPU)

    assert [len(answer) for answer in answers] == [24] * len(cases)
    ways_of_its_own = [
        (case, answer[:4])
        for case, answer in zip(cases, answers, strict=True)
        if answer[:4] != case["greedy_ids"][:4]
    ]
    # Where two tokens are as good as equally likely, rounding decides.
    assert len(ways_of_its_own) < len(cases)
    for case, answer in ways_of_its_own:
        right = case["greedy_ids"][:4]
        at = next(i for i in range(4) if answer[i] != right[i])
        text = case["prompt_ids"] + right[:at]
        (logits,) = read_once(imported("file") / "openvino_model.xml", [text], EXACT)
        assert logits[-1][right[at]] - logits[-1][answer[at]] < NEAR_TIE


def test_the_folder_has_its_files_and_facts(imported: Callable[[str], Path]) -> None:
    folder = imported("int8")
    facts = json.loads((folder / "facts.json").read_text())

    assert {path.name for path in folder.iterdir()} == {
        "openvino_model.xml", "openvino_model.bin",
        "openvino_tokenizer.xml", "openvino_tokenizer.bin",
        "openvino_detokenizer.xml", "openvino_detokenizer.bin",
        "tokenizer.json", "config.json", "generation_config.json", "chat_template.jinja",
        "facts.json",
    }  # fmt: skip
    expected = {
        "architecture": "llama", "license": "apache-2.0", "parameter_count": 134515008,
        "context_length": 8192, "block_count": 30, "head_count": 9, "head_count_kv": 3,
        "vocab_size": 49152, "quantization": "Q4_1", "weight_format": "int8",
        "bos_token_id": 1, "eos_token_ids": [2, 0], "add_bos_token": False,
    }  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    # One copy of the embeddings, eight bits each: little more than a byte per weight.
    assert facts["size_bytes"] < 1.1 * facts["parameter_count"]
    assert "<|im_start|>" in (folder / "chat_template.jinja").read_text()
