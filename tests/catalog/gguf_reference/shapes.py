"""The small models: one per architecture and per peculiarity that an architecture may have.

Every file is written by the `gguf` package from a seeded generator. `weights_hash` tells whether
kept answers still belong to a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

WIDTH, INNER, HEADS, KV_HEADS, VOCAB = 64, 128, 4, 2, 320
CONTEXT = 256
POSITIONS = (0, 6, 79)
"""The positions of a prompt whose predictions are kept: alone, inside every window, beyond them."""

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Shape:
    """What a small model looks like; `keys` are under the architecture's prefix."""

    architecture: str
    layers: int = 2
    head: int = 32
    rotated: int | None = None  # None: the whole head
    kv_heads: int = KV_HEADS
    is_tied: bool = True
    biases: tuple[str, ...] = ()  # of query, key, value (and output): "q", "k", "v", "output"
    is_fused: bool = False  # one matrix for query, key and value, one for gate and up
    qk_norm: int = 0  # width of the norms of queries and keys: 0 none, else in heads (1: each)
    has_pre_norms: bool = True
    has_post_norms: bool = False
    weight_type: str = "F32"
    keys: Mapping[str, Any] = field(default_factory=dict)
    extra: Callable[[Shape, np.random.Generator], Tensors] | None = None


def _frequencies(shape: Shape, random: np.random.Generator) -> Tensors:
    half = (shape.rotated or shape.head) // 2
    return {"rope_freqs.weight": random.uniform(1, 8, half).astype(np.float32)}


def _long_factors(shape: Shape, random: np.random.Generator) -> Tensors:
    half = (shape.rotated or shape.head) // 2
    return {
        "rope_factors_long.weight": random.uniform(2, 9, half).astype(np.float32),
        "rope_factors_short.weight": random.uniform(1, 1.5, half).astype(np.float32),
    }


_YARN = {
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": 4.0,
    "rope.scaling.original_context_length": 64,
}
_LONG = {
    "rope.scaling.original_context_length": 64,
    "rope.scaling.attn_factor": 1.19,
}
_SCALES = {
    "embedding_scale": 6.0,
    "residual_scale": 0.22,
    "logit_scale": 4.0,
    "attention.scale": 0.0625,
}
SHAPES: dict[str, Shape] = {
    "llama": Shape("llama", is_tied=False, head=16),
    "llama-3": Shape("llama", extra=_frequencies),
    "llama-biased": Shape("llama", biases=("q", "k", "v", "output")),
    "llama-linear": Shape(
        "llama", keys={"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}
    ),
    "llama-yarn": Shape("llama", keys=_YARN),
    "llama-q8": Shape("llama", weight_type="Q8_0"),
    "llama-q4": Shape("llama", weight_type="Q4_0"),
    "llama-bf16": Shape("llama", weight_type="BF16"),
    "mistral": Shape("llama", is_tied=False, head=32, keys={"rope.freq_base": 1e6}),
    "mistral3": Shape("mistral3", is_tied=False),
    "mistral3-yarn": Shape(
        "mistral3",
        keys={
            **_YARN,
            "rope.scaling.yarn_beta_fast": 32.0,
            "rope.scaling.yarn_beta_slow": 1.0,
            "rope.scaling.yarn_log_multiplier": 1.0,
            "attention.temperature_scale": 0.1,
        },
    ),
    "qwen2": Shape("qwen2", head=16, biases=("q", "k", "v")),
    "qwen2-yarn": Shape("qwen2", head=16, biases=("q", "k", "v"), keys=_YARN),
    "qwen3": Shape("qwen3", qk_norm=1),
    "gemma": Shape("gemma", kv_heads=1),
    "gemma3": Shape(
        "gemma3",
        layers=6,
        qk_norm=1,
        has_post_norms=True,
        keys={"attention.sliding_window": 8, "rope.freq_base": 1e6, "final_logit_softcapping": 3.0},
    ),
    "gemma3-linear": Shape(
        "gemma3",
        layers=6,
        qk_norm=1,
        has_post_norms=True,
        keys={
            "attention.sliding_window": 8,
            "rope.freq_base": 1e6,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": 8.0,
        },
    ),
    "phi3": Shape("phi3", head=16, is_tied=False, is_fused=True, kv_heads=HEADS),
    "phi3-window": Shape("phi3", head=16, is_fused=True, keys={"attention.sliding_window": 8}),
    "phi3-long": Shape("phi3", head=16, is_fused=True, extra=_long_factors, keys=_LONG),
    "phi3-partial": Shape(
        "phi3", head=16, is_fused=True, rotated=12, extra=_long_factors, keys=_LONG
    ),
    "granite": Shape("granite", keys=_SCALES),
    "minicpm": Shape("minicpm", keys={k: v for k, v in _SCALES.items() if "attention" not in k}),
    "smollm3": Shape("smollm3", layers=4),
    "hunyuan-dense": Shape("hunyuan-dense", qk_norm=1),
    "exaone4": Shape(
        "exaone4", layers=4, head=16, qk_norm=1, has_pre_norms=False, has_post_norms=True
    ),
    "maincoder": Shape("maincoder", qk_norm=1),
    "ernie4_5": Shape("ernie4_5"),
    "olmo2": Shape("olmo2", head=16, kv_heads=HEADS, qk_norm=HEADS, has_pre_norms=False,
                   has_post_norms=True, is_tied=False),
    "seed_oss": Shape("seed_oss", biases=("q", "k", "v")),
}  # fmt: skip


def prompt_of(name: str) -> list[int]:
    """The ids whose continuations are kept: 80 of them, none of them special."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    return [int(i) for i in np.random.default_rng(seed).integers(0, 256, max(POSITIONS) + 1)]


def tensors_of(name: str) -> Tensors:
    """The weights by their names in the file, f32, slowest dimension first."""
    shape = SHAPES[name]
    random = np.random.default_rng(7)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) * 1.5 / np.sqrt(columns)).astype(np.float32)

    def vector(length: int, around: float = 1.0) -> NDArray[np.float32]:
        return (around + 0.2 * random.standard_normal(length)).astype(np.float32)

    tensors: Tensors = {
        "token_embd.weight": matrix(VOCAB, WIDTH),
        "output_norm.weight": vector(WIDTH),
    }
    if not shape.is_tied:
        tensors["output.weight"] = matrix(VOCAB, WIDTH)
    rows = {"q": HEADS * shape.head, "k": shape.kv_heads * shape.head}
    rows["v"] = rows["k"]
    for layer in range(shape.layers):
        block: Tensors = {}
        if shape.has_pre_norms:
            block["attn_norm.weight"] = vector(WIDTH)
            block["ffn_norm.weight"] = vector(WIDTH)
            if shape.architecture == "seed_oss":
                block["post_attention_norm.weight"] = block.pop("ffn_norm.weight")
        if shape.has_post_norms:
            block["post_attention_norm.weight"] = vector(WIDTH)
            block["post_ffw_norm.weight"] = vector(WIDTH)
        if shape.is_fused:
            block["attn_qkv.weight"] = matrix(sum(rows.values()), WIDTH)
            block["ffn_up.weight"] = matrix(2 * INNER, WIDTH)
        else:
            for part, count in rows.items():
                block[f"attn_{part}.weight"] = matrix(count, WIDTH)
            block["ffn_gate.weight"] = matrix(INNER, WIDTH)
            block["ffn_up.weight"] = matrix(INNER, WIDTH)
        block["attn_output.weight"] = matrix(WIDTH, rows["q"])
        block["ffn_down.weight"] = matrix(WIDTH, INNER)
        for part in shape.biases:
            block[f"attn_{part}.bias"] = vector(rows.get(part, WIDTH), 0.0)
        if shape.qk_norm:
            block["attn_q_norm.weight"] = vector(shape.qk_norm * shape.head)
            block["attn_k_norm.weight"] = vector(shape.qk_norm * shape.head)
        tensors |= {f"blk.{layer}.{key}": value for key, value in block.items()}
    if shape.extra is not None:
        tensors |= shape.extra(shape, random)
    return tensors


def weights_hash(name: str) -> str:
    """A digest of a model's weights and of everything else that is written for it."""
    digest = hashlib.sha256(repr(SHAPES[name].keys).encode())
    for key, tensor in tensors_of(name).items():
        digest.update(key.encode() + tensor.tobytes())
    digest.update(np.array(prompt_of(name)).tobytes() + SHAPES[name].weight_type.encode())
    return digest.hexdigest()[:16]


def write_model(path: Path, name: str, *, is_unpacked: bool = False) -> Path:
    """Write the small model `name` as a GGUF file; `is_unpacked`: its packed weights' values, f32,
    because llama.cpp would pack what it multiplies them with too."""
    shape = SHAPES[name]
    writer = _writer(path, shape, WIDTH, INNER)
    kind = gguf.GGMLQuantizationType[shape.weight_type]
    for key, tensor in tensors_of(name).items():
        if tensor.ndim == 2 and shape.weight_type != "F32":
            packed = gguf.quantize(tensor, kind)
            if is_unpacked:
                writer.add_tensor(key, gguf.dequantize(packed, kind))
            else:
                writer.add_tensor(key, packed, raw_dtype=kind)
        else:
            writer.add_tensor(key, tensor)
    return _close(writer, path)


def write_packed(path: Path, kind: gguf.GGMLQuantizationType) -> tuple[Path, Tensors]:
    """A model of one layer whose matrices are packed as `kind`, and their values.

    The gguf package packs the simple kinds only; of the others the bytes are random, but for the
    scales, which are sensible numbers.
    """
    shape = Shape("llama", layers=1, head=64)
    width = 256
    random = np.random.default_rng(11)
    writer = _writer(path, shape, width, width)
    rows = {"q": HEADS * shape.head, "k": KV_HEADS * shape.head, "v": KV_HEADS * shape.head}
    sizes = {f"blk.0.attn_{part}.weight": count for part, count in rows.items()}
    sizes |= {f"blk.0.ffn_{part}.weight": width for part in ("gate", "up", "down")}
    sizes |= {"blk.0.attn_output.weight": width, "token_embd.weight": VOCAB}
    values: Tensors = {}
    for name, count in sizes.items():
        packed = _random_blocks(kind, count, width, random)
        values[name] = gguf.dequantize(packed, kind)
        if kind in (gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.F32):
            writer.add_tensor(name, packed)
        else:
            writer.add_tensor(name, packed, raw_dtype=kind)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    return _close(writer, path), values


def _random_blocks(
    kind: gguf.GGMLQuantizationType, rows: int, columns: int, random: np.random.Generator
) -> NDArray[Any]:
    values = random.standard_normal((rows, columns)).astype(np.float32)
    scales = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}
    if kind.name not in scales:
        return gguf.quantize(values, kind)
    per_block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (rows * columns // per_block, size), np.uint8)
    for at in scales[kind.name]:
        halves = random.uniform(0.001, 0.01, len(blocks)).astype("<f2")
        blocks[:, at : at + 2] = halves.view(np.uint8).reshape(-1, 2)
    # The factors of single groups are large, as in real files, where groups are not all zero.
    if kind.name == "Q2_K":
        blocks[:, :16] |= 0x08
    elif kind.name in ("Q4_K", "Q5_K"):
        blocks[:, 4:8] |= 0xA0
    return blocks.reshape(rows, -1)


def _writer(path: Path, shape: Shape, width: int, inner: int) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, shape.architecture)
    writer.add_name("small model")  # llama.cpp has exceptions for some names
    writer.add_context_length(CONTEXT)
    writer.add_block_count(shape.layers)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.rotated or shape.head)
    if "rope.freq_base" not in shape.keys:
        writer.add_rope_freq_base(10000.0)
    add = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}
    for key, value in shape.keys.items():
        add[type(value)](f"{shape.architecture}.{key}", value)
    _add_tokenizer(writer)
    return writer


def _close(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    """A byte-level vocabulary with one merge and special tokens."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    tokens = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    tokens += ["<|im_start|>", "<|im_end|>", "th"]
    kinds = [1] * 256 + [3, 3, 1] + [3] * (VOCAB - 259)
    tokens += [f"<unused{i}>" for i in range(VOCAB - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)
    writer.add_chat_template("{{ messages[0]['content'] }}")
