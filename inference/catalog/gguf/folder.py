"""The small files of an imported model: what GenAI reads, and what the server shows.

`facts.json` is ours. Its fields:

    architecture         general.architecture of the file, such as "llama"
    name                 general.name, or null
    license              general.license (an SPDX-like id), or null
    parameter_count      number of weights, tied ones counted once
    context_length       tokens within which the import is exact; as a rule those of the training
    embedding_length     width of the hidden states
    block_count          number of layers
    head_count           query heads per layer
    head_count_kv        key/value heads per layer
    feed_forward_length  inner width of the feed-forward part, or null
    vocab_size           entries of the vocabulary
    rope_freq_base       base of the rotary positions
    sliding_window       tokens that windowed layers see, or null
    quantization         the file's own, such as "Q4_1"
    weight_format        "file" (packed as in the file) or "int8" (8 bits, one scale per row)
    tokenizer_model      "gpt2" (byte-level) or "llama" (SentencePiece)
    tokenizer_pre        how the tokenizer cuts words, or null
    bos_token_id         id that begins a text, or null
    eos_token_ids        every id that ends an answer
    pad_token_id         id used for padding, or null
    add_bos_token        whether encoding with special tokens begins with bos_token_id
    has_chat_template    whether chat_template.jinja was written
    source_bytes         size of the GGUF file
    size_bytes           size of the imported folder without facts.json
    openvino_version     the version that made the import
"""

import json
from pathlib import Path
from typing import Any

from inference.catalog import facts_file
from inference.catalog.gguf.description import quantization_of
from inference.catalog.gguf.hyperparameters import read_hyperparameters
from inference.catalog.gguf.metadata import Metadata
from inference.catalog.gguf.tokenizer import Tokenizer


def write_tokenizer_json(folder: Path, tokenizer: Tokenizer) -> None:
    """Write tokenizer.json, for the `tokenizers` library."""
    _write_json(folder / "tokenizer.json", tokenizer.description, indent=None)


def write_configs(folder: Path, metadata: Metadata, tokenizer: Tokenizer) -> None:
    """Write config.json, generation_config.json and, if there is one, chat_template.jinja."""
    facts = model_facts(metadata, tokenizer)
    numbers = read_hyperparameters(metadata)
    ids = {
        "bos_token_id": tokenizer.bos_id,
        "eos_token_id": tokenizer.eos_ids,
        "pad_token_id": tokenizer.pad_id,
    }
    config = {
        "architectures": [numbers.architecture.model_class],
        "model_type": numbers.architecture.model_type,
        **ids,
        "hidden_size": facts["embedding_length"],
        "intermediate_size": facts["feed_forward_length"],
        "num_hidden_layers": facts["block_count"],
        "num_attention_heads": facts["head_count"],
        "num_key_value_heads": facts["head_count_kv"],
        "head_dim": numbers.head_size,
        "max_position_embeddings": facts["context_length"],
        "rope_theta": facts["rope_freq_base"],
        "sliding_window": facts["sliding_window"],
        "vocab_size": facts["vocab_size"],
    }
    _write_json(folder / "config.json", _without_none(config))
    _write_json(folder / "generation_config.json", _without_none(ids))
    template = metadata.text("tokenizer.chat_template")
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8", newline="")


def write_facts(
    folder: Path, metadata: Metadata, tokenizer: Tokenizer, weight_format: str, source_bytes: int
) -> dict[str, Any]:
    """Write facts.json, last of all, and return it."""
    facts = {
        **model_facts(metadata, tokenizer),
        "weight_format": weight_format,
        "source_bytes": source_bytes,
    }
    return facts_file.write_facts(folder, facts)


def model_facts(metadata: Metadata, tokenizer: Tokenizer) -> dict[str, Any]:
    """The facts that depend on the file alone."""
    numbers = read_hyperparameters(metadata)
    return {
        "architecture": metadata.architecture,
        "name": metadata.text("general.name"),
        "license": metadata.text("general.license"),
        "parameter_count": metadata.parameter_count,
        "context_length": numbers.served_context,
        "embedding_length": numbers.width,
        "block_count": numbers.layers,
        "head_count": numbers.heads,
        "head_count_kv": numbers.kv_heads,
        "feed_forward_length": metadata.of_model("feed_forward_length"),
        "vocab_size": len(tokenizer.vocabulary),
        "rope_freq_base": numbers.rope_base,
        "sliding_window": numbers.window if numbers.windowed_of else None,
        "quantization": quantization_of(metadata),
        "tokenizer_model": metadata.text("tokenizer.ggml.model"),
        "tokenizer_pre": metadata.text("tokenizer.ggml.pre"),
        "bos_token_id": tokenizer.bos_id,
        "eos_token_ids": tokenizer.eos_ids,
        "pad_token_id": tokenizer.pad_id,
        "add_bos_token": tokenizer.adds_bos,
        "has_chat_template": metadata.text("tokenizer.chat_template") is not None,
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=indent)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
