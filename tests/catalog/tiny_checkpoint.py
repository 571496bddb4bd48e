"""Writes a tiny llama with random weights in the files that a hub has of real ones: safetensors, a
description and a real tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.catalog.tiny_encoder import write_safetensors

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, CONTEXT = 128, 256, 2, 4, 2, 2048


def write_checkpoint(folder: Path, tokenizer: Path, *, lowers: bool = False, seed: int = 1) -> Path:
    """Fill the new `folder`. `tokenizer` is the folder of an installed model, whose tokenizer it
    gets; with `lowers` one that makes every letter small, so that no text comes back as it was."""
    folder.mkdir(parents=True)
    words = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    if lowers:
        words["normalizer"] = {"type": "Lowercase"}
    vocabulary = len(words["model"]["vocab"])
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
    }
    described = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
    }
    for name, content in {
        "config.json": config,
        "tokenizer.json": words,
        "tokenizer_config.json": described,
    }.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    shutil.copyfile(tokenizer / "chat_template.jinja", folder / "chat_template.jinja")
    write_safetensors(folder / "model.safetensors", _weights(vocabulary, seed), "F16")
    return folder


def _weights(vocabulary: int, seed: int) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return np.asarray(random.standard_normal((rows, columns)) / np.sqrt(columns), np.float32)

    norm = np.ones(WIDTH, np.float32)
    tensors = {
        "model.embed_tokens.weight": matrix(vocabulary, WIDTH),
        "model.norm.weight": norm,
        "lm_head.weight": matrix(vocabulary, WIDTH),
    }
    head = WIDTH // HEADS
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        for name, heads in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
            tensors[f"{prefix}self_attn.{name}_proj.weight"] = matrix(heads * head, WIDTH)
        tensors[f"{prefix}self_attn.o_proj.weight"] = matrix(WIDTH, WIDTH)
        tensors[f"{prefix}mlp.gate_proj.weight"] = matrix(INNER, WIDTH)
        tensors[f"{prefix}mlp.up_proj.weight"] = matrix(INNER, WIDTH)
        tensors[f"{prefix}mlp.down_proj.weight"] = matrix(WIDTH, INNER)
        tensors[f"{prefix}input_layernorm.weight"] = norm
        tensors[f"{prefix}post_attention_layernorm.weight"] = norm
    return tensors
