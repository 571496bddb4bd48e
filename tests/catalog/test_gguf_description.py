"""What a GGUF file says before it is loaded, and why some are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from inference.catalog.fit.description import describe_path
from inference.catalog.gguf.description import describe, describe_gguf
from inference.catalog.gguf.hyperparameters import read_hyperparameters
from inference.catalog.gguf.metadata import Metadata, TensorInfo, read_metadata
from tests.catalog.gguf_reference.shapes import SHAPES, write_model


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("gguf") / "model.gguf", "llama-q8")


@pytest.fixture(scope="module")
def header(plain: Path) -> Metadata:
    return read_metadata(plain)


def with_values(header: Metadata, values: dict[str, Any]) -> Metadata:
    return dataclasses.replace(header, values=header.values | values)


def with_architecture(header: Metadata, name: str) -> Metadata:
    renamed = {key.replace("llama.", f"{name}.", 1): v for key, v in header.values.items()}
    return dataclasses.replace(header, values=renamed | {"general.architecture": name})


def test_a_file_is_described_from_its_header_alone(plain: Path, tmp_path: Path) -> None:
    told = describe_gguf(plain)

    assert told.is_importable
    assert told == dataclasses.replace(
        told, architecture="llama", quantization="Q8_0", context_length=256,
        served_context_length=256, tokenizer="gpt2", tokenizer_pre="qwen2", reason=None,
        chat_template="{{ messages[0]['content'] }}", name="small model",
    )  # fmt: skip
    assert told.parameter_count == sum(tensor.count for tensor in read_metadata(plain).tensors)


@pytest.mark.parametrize("name", ["llama", "phi3-window", "gemma3"])
def test_the_context_is_the_one_in_which_every_layer_sees_what_it_should(
    name: str, tmp_path: Path
) -> None:
    told = describe_gguf(write_model(tmp_path / "model.gguf", name))

    assert told.context_length == 256
    assert told.served_context_length == {"phi3-window": 8}.get(name, 256)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"general.type": "mmproj"}, "of type 'mmproj'"),
        ({"general.type": "adapter"}, "of type 'adapter'"),
        ({"split.count": 3}, "one of several parts"),
        ({"llama.expert_count": 8}, "mixture of experts"),
        ({"llama.pooling_type": 4}, "is a reranker"),
        ({"llama.pooling_type": 3}, "makes vectors of texts"),
        ({"llama.attention.head_count_kv": [2, 1]}, "layers differ in size"),
        ({"llama.attention.value_length": 8}, "keys and values differ"),
        ({"llama.rope.scaling.type": "ntk"}, "scales its positions in an unknown way"),
        ({"llama.rope.dimension_sections": [8, 8, 0, 0]}, "several dimensions"),
        ({"llama.block_count": 0}, "does not say its model's block count"),
        ({"llama.rope.freq_base": float("nan")}, "a number that is none"),
        ({"tokenizer.ggml.model": "bert"}, "kind of tokenizer is not supported (bert)"),
        ({"tokenizer.ggml.pre": "viking"}, "cuts words in a way that is not known here (viking)"),
        ({"tokenizer.ggml.tokens": []}, "no vocabulary"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_imported_is_refused_with_the_reason(
    header: Metadata, values: dict[str, Any], reason: str
) -> None:
    told = describe(with_values(header, values))

    assert not told.is_importable
    assert told.reason is not None
    assert reason in told.reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("qwen3moe", "'qwen3moe' cannot be imported: it is a mixture of experts"),
        ("mamba2", "keep recurrent states"),
        ("gemma2", "caps its attention softly"),
        ("qwen2vl", "reads images or sound"),
        ("bert", "does not generate text"),
        ("somethingnew", "not been proved here"),
    ],
)
def test_an_architecture_is_refused_by_name(header: Metadata, name: str, reason: str) -> None:
    told = describe(with_architecture(header, name))

    assert told.architecture == name
    assert reason in (told.reason or "")


def test_weights_that_cannot_be_read_are_named(header: Metadata) -> None:
    odd = [dataclasses.replace(tensor, kind=23) for tensor in header.tensors]
    told = describe(dataclasses.replace(header, tensors=tuple(odd)))

    assert "packed as IQ4_XS, which cannot be read" in (told.reason or "")


def test_weights_nobody_would_use_are_not_left_out_silently(header: Metadata) -> None:
    stranger = TensorInfo("blk.0.attn_sinks.weight", (4,))
    told = describe(dataclasses.replace(header, tensors=(*header.tensors, stranger)))

    assert "unknown purpose (blk.0.attn_sinks.weight)" in (told.reason or "")


def test_a_damaged_file_is_described_by_its_damage(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 40)

    told = describe_gguf(path)

    assert not told.is_importable
    assert told.architecture is None


def test_the_planner_knows_the_reason_before_anything_is_copied(
    header: Metadata, tmp_path: Path
) -> None:
    path = write_model(tmp_path / "model.gguf", "exaone4")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"exaone4", b"olmo2e3"))  # of the same length, not known

    assert "'olmo2e3' cannot be imported" in describe_path(path).facts["refusal"]


@pytest.mark.parametrize("name", [name for name in SHAPES if "window" in name or "gemma3" in name])
def test_windows_are_where_the_architecture_has_them(name: str, tmp_path: Path) -> None:
    numbers = read_hyperparameters(read_metadata(write_model(tmp_path / "m.gguf", name)))

    windowed = [numbers.is_windowed(layer) for layer in range(numbers.layers)]

    assert windowed == ([True] * 5 + [False] if name.startswith("gemma3") else [False, False])


@pytest.mark.parametrize("kind", ["llama", "llama-q8", "llama-q4", "llama-bf16"])
def test_half_a_file_is_told_from_its_header(kind: str, tmp_path: Path) -> None:
    whole = write_model(tmp_path / "model.gguf", kind)
    assert describe_gguf(whole).is_importable
    content = whole.read_bytes()
    # The last tensor's padding may be missing, not a byte of its values.
    for length in (len(content) - 64, len(content) // 2):
        whole.write_bytes(content[:length])
        assert describe_gguf(whole).reason == "The file is truncated."
