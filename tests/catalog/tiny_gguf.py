"""Writes tiny GGUF models with random weights, of architectures that no test can download.

They say nothing sensible, but two ways of computing them must agree on what they say.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, HEAD, VOCAB = 64, 96, 3, 4, 2, 32, 272


@dataclass
class TinyModel:
    """A model to write: key/value pairs and tensors, in the file's own names."""

    architecture: str
    values: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def tiny_decoder(architecture: str, *, seed: int = 1) -> TinyModel:
    """A dense decoder with what `architecture` needs; raises KeyError for one not listed."""
    random = np.random.default_rng(seed)
    extra = {
        "llama": set(),
        "qwen2": {"bias"},
        "qwen3": {"qk_norm"},
        "gemma3": {"qk_norm", "post_norms"},
    }[architecture]

    def matrix(rows: int, columns: int) -> np.ndarray:
        values = random.standard_normal((rows, columns)) / np.sqrt(columns)
        return np.asarray(values, np.float32)

    def vector(length: int, around: float = 1.0) -> np.ndarray:
        return np.asarray(around + 0.1 * random.standard_normal(length), np.float32)

    model = TinyModel(architecture)
    model.values = {
        "general.architecture": architecture,
        "general.name": f"tiny {architecture}",
        f"{architecture}.block_count": LAYERS,
        f"{architecture}.context_length": 256,
        f"{architecture}.embedding_length": WIDTH,
        f"{architecture}.feed_forward_length": INNER,
        f"{architecture}.attention.head_count": HEADS,
        f"{architecture}.attention.head_count_kv": KV_HEADS,
        f"{architecture}.attention.key_length": HEAD,
        f"{architecture}.attention.value_length": HEAD,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-6,
        f"{architecture}.rope.freq_base": 10000.0,
        f"{architecture}.rope.dimension_count": HEAD,
        **byte_tokenizer(),
    }
    if architecture == "gemma3":
        model.values["gemma3.attention.sliding_window"] = 8
    tensors = model.tensors
    tensors["token_embd.weight"] = matrix(VOCAB, WIDTH)
    tensors["output_norm.weight"] = vector(WIDTH)
    for layer in range(LAYERS):
        prefix = f"blk.{layer}."
        tensors[prefix + "attn_norm.weight"] = vector(WIDTH)
        tensors[prefix + "ffn_norm.weight"] = vector(WIDTH)
        for name, heads in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
            tensors[prefix + f"attn_{name}.weight"] = matrix(heads * HEAD, WIDTH)
            if "bias" in extra:
                tensors[prefix + f"attn_{name}.bias"] = vector(heads * HEAD, 0.0)
        tensors[prefix + "attn_output.weight"] = matrix(WIDTH, HEADS * HEAD)
        tensors[prefix + "ffn_gate.weight"] = matrix(INNER, WIDTH)
        tensors[prefix + "ffn_up.weight"] = matrix(INNER, WIDTH)
        tensors[prefix + "ffn_down.weight"] = matrix(WIDTH, INNER)
        if "qk_norm" in extra:
            tensors[prefix + "attn_q_norm.weight"] = vector(HEAD)
            tensors[prefix + "attn_k_norm.weight"] = vector(HEAD)
        if "post_norms" in extra:
            tensors[prefix + "post_attention_norm.weight"] = vector(WIDTH)
            tensors[prefix + "post_ffw_norm.weight"] = vector(WIDTH)
    return model


def byte_tokenizer() -> dict[str, Any]:
    """A byte-level vocabulary with no merges and two special tokens."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    tokens = [*symbols, "<|im_start|>", "<|im_end|>"]
    tokens += [f"<unused{i}>" for i in range(VOCAB - len(tokens))]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 256 + [3] * (VOCAB - 256),
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.eos_token_id": 257,
        "tokenizer.ggml.bos_token_id": 256,
        "tokenizer.chat_template": "{{ messages[0]['content'] }}",
    }


def write_gguf(path: Path, model: TinyModel) -> Path:
    """Write `model` as GGUF version 3 with f32 tensors, aligned to 32 bytes."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(model.tensors), len(model.values))
    for key, value in model.values.items():
        head += _text(key) + _value(value)
    offset, body = 0, b""
    for name, tensor in model.tensors.items():
        shape = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", 0, offset)
        data = tensor.tobytes()
        body += data + b"\0" * (-len(data) % 32)
        offset = len(body)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + body)
    return path


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        if not value or isinstance(value[0], str):
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
        kind, form = (6, "f") if isinstance(value[0], float) else (5, "i")
        return struct.pack(f"<IIQ{len(value)}{form}", 9, kind, len(value), *value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    return struct.pack("<If", 6, value)
