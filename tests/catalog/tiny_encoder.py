"""Writes tiny sentence encoders with random weights, in the files that a hub has of real ones.

They say nothing sensible, but two ways of computing them must agree on what they say.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, INNER, LAYERS, HEADS, POSITIONS = 32, 48, 2, 4, 40
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", "##a", "##b", "##c", "##d", ".", "!")


@dataclass
class TinyEncoder:
    """An encoder to write: its description and its tensors, in the checkpoint's own names."""

    config: dict[str, Any]
    tensors: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def tiny_encoder(model_type: str = "bert", activation: str = "gelu", seed: int = 1) -> TinyEncoder:
    """An encoder of that kind with every weight its network has."""
    random = np.random.default_rng(seed)
    config: dict[str, Any] = {
        "architectures": ["BertModel"],
        "model_type": model_type,
        "hidden_act": activation,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2 if model_type == "bert" else 1,
        "vocab_size": len(WORDS),
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }
    encoder = TinyEncoder(config)

    def add(name: str, *shape: int, around: float = 0.0) -> None:
        scale = 1 / np.sqrt(shape[-1]) if len(shape) == 2 else 0.1
        values = around + scale * random.standard_normal(shape)
        encoder.tensors[name] = values.astype(np.float32)

    def add_norm(name: str) -> None:
        add(f"{name}.LayerNorm.weight", WIDTH, around=1.0)
        add(f"{name}.LayerNorm.bias", WIDTH)

    def add_layer(name: str, rows: int, columns: int) -> None:
        add(f"{name}.weight", rows, columns)
        add(f"{name}.bias", rows)

    add("embeddings.word_embeddings.weight", len(WORDS), WIDTH)
    add("embeddings.position_embeddings.weight", POSITIONS, WIDTH)
    add("embeddings.token_type_embeddings.weight", int(config["type_vocab_size"]), WIDTH)
    add_norm("embeddings")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            add_layer(f"{name}.attention.self.{part}", WIDTH, WIDTH)
        add_layer(f"{name}.attention.output.dense", WIDTH, WIDTH)
        add_norm(f"{name}.attention.output")
        add_layer(f"{name}.intermediate.dense", INNER, WIDTH)
        add_layer(f"{name}.output.dense", WIDTH, INNER)
        add_norm(f"{name}.output")
    return encoder


def write_encoder(
    folder: Path,
    encoder: TinyEncoder | None = None,
    *,
    kind: str = "F32",
    prefix: str = "",
    pooling: str = "mean_tokens",
    longest: int = 24,
) -> Path:
    """Write the files of an encoder into the new `folder`. `kind` is how numbers are stored."""
    encoder = encoder or tiny_encoder()
    (folder / "1_Pooling").mkdir(parents=True)
    modules = ("models.Transformer", "models.Pooling", "models.Normalize")
    contents = {
        "config.json": encoder.config,
        "modules.json": [{"type": f"sentence_transformers.{module}"} for module in modules],
        "sentence_bert_config.json": {"max_seq_length": longest, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": WIDTH,
            **{
                f"pooling_mode_{mode}": mode == pooling
                for mode in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
            },
        },
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    tensors = {f"{prefix}{name}": value for name, value in encoder.tensors.items()}
    write_safetensors(folder / "model.safetensors", tensors, kind)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def break_word(folder: Path, word: str) -> None:
    """Make an imported encoder's weights of that word what is no number."""
    path = folder / "openvino_model.bin"
    row = tiny_encoder().tensors["embeddings.word_embeddings.weight"][WORDS.index(word)]
    sound = row.astype("<f2").tobytes()
    content = path.read_bytes()
    assert content.count(sound) == 1
    path.write_bytes(content.replace(sound, np.full(WIDTH, np.nan, "<f2").tobytes()))


def write_safetensors(path: Path, tensors: dict[str, NDArray[np.float32]], kind: str) -> None:
    """Write the tensors in that kind of number."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in tensors.items():
        stored = _stored(tensor, kind)
        offsets = [len(body), len(body) + len(stored)]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": offsets}
        body += stored
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def tiny_tokenizer() -> Tokenizer:
    """A WordPiece tokenizer with the truncation and padding that published files carry."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


def _stored(tensor: NDArray[np.float32], kind: str) -> bytes:
    if kind == "BF16":
        return (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
    return tensor.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[kind]).tobytes()
