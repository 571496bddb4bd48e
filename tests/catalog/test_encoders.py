"""Importing sentence encoders: all-MiniLM against golden facts, tiny ones against numpy."""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.catalog.encoders.description import read_description
from inference.catalog.encoders.errors import CorruptFile, EncoderError, UnsupportedEncoder
from inference.catalog.encoders.graph import build_encoder
from inference.catalog.encoders.importing import import_encoder
from inference.catalog.encoders.safetensors import Weights
from tests.catalog.encoder_reference import reference_embedding
from tests.catalog.minilm_files import minilm_files
from tests.catalog.tiny_encoder import WIDTH, WORDS, tiny_encoder, write_encoder

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "minilm.json").read_text(encoding="utf-8")
)["vectors"]
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
IDS = [2, 5, 9, 12, 7, 3]


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real all-MiniLM-L6-v2, imported by the child process."""
    target = tmp_path_factory.mktemp("encoders") / "minilm"
    code, lines = run_import(minilm_files(), target)
    assert code == 0, lines
    return target


def run_import(source: Path, target: Path) -> tuple[int, list[dict[str, Any]]]:
    """Run the child process; its exit code and its JSON lines."""
    command = [sys.executable, "-m", "inference.catalog.encoders", str(source), str(target)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def embed(model: Any, texts: list[list[int]], **config: Any) -> NDArray[np.float32]:
    """Vectors [N, E] of one pass on the CPU; shorter texts are padded."""
    longest = max(map(len, texts))
    ids = np.array([text + [0] * (longest - len(text)) for text in texts], np.int64)
    mask = np.array([[1] * len(text) + [0] * (longest - len(text)) for text in texts], np.int64)
    answer = ov.Core().compile_model(model, "CPU", config)(
        {"input_ids": ids, "attention_mask": mask}
    )
    vectors: NDArray[np.float32] = np.array(answer[0])
    return vectors


def cosine(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


# --- the real model ------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [{}, EXACT], ids=["default", "f32"])
def test_every_golden_text_has_its_vector(minilm: Path, config: dict[str, str]) -> None:
    tokenizer = Tokenizer.from_file(str(minilm / "tokenizer.json"))
    model = ov.Core().read_model(minilm / "openvino_model.xml")
    texts = [tokenizer.encode(entry["text"]).ids for entry in GOLDEN]
    texts = [ids if len(ids) <= 256 else [*ids[:255], ids[-1]] for ids in texts]

    vectors = embed(model, texts, **config)

    assert [len(ids) for ids in texts] == [entry["tokens"] for entry in GOLDEN]
    for vector, entry in zip(vectors, GOLDEN, strict=True):
        assert cosine(vector, np.array(entry["embedding"])) >= 0.9995, entry["text"]


def test_the_folder_has_its_files_and_facts(minilm: Path) -> None:
    facts = json.loads((minilm / "facts.json").read_text(encoding="utf-8"))

    assert {path.name for path in minilm.iterdir()} == {
        "openvino_model.xml", "openvino_model.bin", "tokenizer.json", "config.json", "facts.json",
    }  # fmt: skip
    expected = {
        "architecture": "bert", "capabilities": ["embedding"], "parameter_count": 22565376,
        "context_length": 256, "embedding_length": 384, "block_count": 6, "head_count": 12,
        "vocab_size": 30522, "quantization": "F16", "weight_format": "f16", "pooling": "mean",
        "prefix_ids": [101], "suffix_ids": [102],
    }  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    assert facts["size_bytes"] < 2.1 * facts["parameter_count"]


# --- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", ["bert", "roberta", "xlm-roberta"])
@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token", "max_tokens"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_an_encoder_computes_its_formulas(
    model_type: str, pooling: str, activation: str, tmp_path: Path
) -> None:
    encoder = tiny_encoder(model_type, activation)
    folder = write_encoder(tmp_path / "tiny", encoder, pooling=pooling)
    expected = reference_embedding(encoder, IDS, pooling)

    model = build_encoder(read_description(folder), Weights(folder / "model.safetensors"))

    assert np.abs(embed(model, [IDS], **EXACT)[0] - expected).max() < 1e-4


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token", "max_tokens"])
def test_a_longer_neighbour_changes_nothing(pooling: str, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "tiny", pooling=pooling)
    model = build_encoder(read_description(folder), Weights(folder / "model.safetensors"))

    alone = embed(model, [IDS], **EXACT)[0]
    together = embed(model, [IDS, [2, *range(4, 16), 3]], **EXACT)[0]

    assert np.abs(alone - together).max() < 1e-5


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_weights_are_read_in_every_form_they_are_published_in(
    kind: str, prefix: str, tmp_path: Path
) -> None:
    encoder = tiny_encoder()
    folder = write_encoder(tmp_path / "tiny", encoder, kind=kind, prefix=prefix)

    import_encoder(folder, tmp_path / "imported", lambda step, share: None)

    vector = embed(tmp_path / "imported" / "openvino_model.xml", [IDS], **EXACT)[0]
    assert cosine(vector, reference_embedding(encoder, IDS, "mean_tokens")) > 0.999


# --- what the files say --------------------------------------------------------------------------


def test_the_tokenizer_neither_cuts_nor_pads_any_more(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "tiny")

    import_encoder(folder, tmp_path / "imported", lambda step, share: None)

    tokenizer = Tokenizer.from_file(str(tmp_path / "imported" / "tokenizer.json"))
    assert tokenizer.encode("a").tokens == ["[CLS]", "a", "[SEP]"]
    assert len(tokenizer.encode("a " * 30).ids) == 32


def _set(name: str, **values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps({**content, **values}), encoding="utf-8")

    return change


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _no_sentences(folder: Path) -> None:
    for name in ("modules.json", "sentence_bert_config.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "1_Pooling")


NONE = {f"pooling_mode_{name}": False for name in ("mean_tokens", "cls_token", "max_tokens")}


@pytest.mark.parametrize(
    ("change", "pooling", "longest"),
    [
        (lambda folder: None, "mean", 24),
        (_set("1_Pooling/config.json", **NONE, pooling_mode="cls"), "cls", 24),
        (_set("1_Pooling/config.json", **NONE, pooling_mode="mean"), "mean", 24),
        (_set("sentence_bert_config.json", max_seq_length=9999), "mean", 40),
        (_set("sentence_bert_config.json", max_seq_length=None), "mean", 40),
        (_no_sentences, "mean", 40),
    ],
)
def test_pooling_and_length_come_from_the_files(
    change: Callable[[Path], None], pooling: str, longest: int, tmp_path: Path
) -> None:
    folder = write_encoder(tmp_path / "tiny")
    change(folder)

    described = read_description(folder)

    assert (described.pooling, described.longest) == (pooling, longest)


def test_roberta_has_fewer_positions_than_its_table(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "tiny", tiny_encoder("roberta"), longest=999)

    assert read_description(folder).longest == 39


# --- bad files -----------------------------------------------------------------------------------


def _dense(folder: Path) -> None:
    modules = [{"type": f"sentence_transformers.models.{name}"} for name in ("Pooling", "Dense")]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


def _cut(count: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:count])

    return change


def _nan(folder: Path) -> None:
    encoder = tiny_encoder()
    encoder.tensors["encoder.layer.0.output.LayerNorm.bias"][:] = np.nan
    shutil.rmtree(folder)
    write_encoder(folder, encoder)


def _small_vocabulary(folder: Path) -> None:
    shutil.rmtree(folder)
    encoder = tiny_encoder()
    encoder.config["vocab_size"] = len(WORDS) - 3
    words = "embeddings.word_embeddings.weight"
    encoder.tensors[words] = encoder.tensors[words][:-3]
    write_encoder(folder, encoder)


def _long_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}" * 100)


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_cut(0), CorruptFile),
        (_cut(8), CorruptFile),
        (_cut(300), CorruptFile),
        (_cut(-100), CorruptFile),
        (_long_header, CorruptFile),
        (_write("model.safetensors", b"<!doctype html>" * 100), CorruptFile),
        (_nan, CorruptFile),
        (_set("config.json", num_hidden_layers=3), CorruptFile),
        (_set("config.json", hidden_size=WIDTH * 2), CorruptFile),
        (_set("config.json", num_attention_heads=5), CorruptFile),
        (_set("config.json", num_attention_heads=0), CorruptFile),
        (_set("config.json", intermediate_size="many"), CorruptFile),
        (_set("config.json", layer_norm_eps=0), CorruptFile),
        (_set("sentence_bert_config.json", max_seq_length=2), CorruptFile),
        (_small_vocabulary, CorruptFile),
        (_write("tokenizer.json", b"{}"), CorruptFile),
        (_write("config.json", b"[1]"), CorruptFile),
        (_write("config.json", b"\xff"), CorruptFile),
        (_write("modules.json", b"{}"), CorruptFile),
        (_without("tokenizer.json"), CorruptFile),
        (_without("1_Pooling/config.json"), CorruptFile),
        (_dense, UnsupportedEncoder),
        (_set("config.json", model_type="mpnet"), UnsupportedEncoder),
        (_set("config.json", hidden_act="swish"), UnsupportedEncoder),
        (_set("config.json", position_embedding_type="relative_key"), UnsupportedEncoder),
        (_set("1_Pooling/config.json", pooling_mode_lasttoken=True), UnsupportedEncoder),
        (_set("1_Pooling/config.json", pooling_mode_cls_token=True), UnsupportedEncoder),
    ],
)
def test_bad_files_are_a_clean_error_and_leave_nothing(
    spoil: Callable[[Path], None], error: type[EncoderError], tmp_path: Path
) -> None:
    folder = write_encoder(tmp_path / "tiny")
    spoil(folder)

    with pytest.raises(error) as caught:
        import_encoder(folder, tmp_path / "models" / "target", lambda step, share: None)

    assert str(tmp_path) not in str(caught.value)
    assert list((tmp_path / "models").iterdir()) == []


def test_numbers_in_an_unknown_form_are_named(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "tiny", kind="F64")

    code, lines = run_import(folder, tmp_path / "target")

    assert (code, lines[-1]) == (
        1,
        {"error": "Weights stored as F64 are not supported.", "retry": False},
    )


@settings(max_examples=200)
@given(st.data())
def test_a_header_of_noise_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "noisy-encoder"
    if not folder.exists():
        write_encoder(folder)
    whole = (folder / "model.safetensors").read_bytes()
    header_ends = 8 + struct.unpack("<Q", whole[:8])[0]
    at = data.draw(st.integers(0, header_ends))
    noise = data.draw(st.binary(max_size=16))
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])

    with contextlib.suppress(EncoderError):
        build_encoder(read_description(folder), Weights(path))
