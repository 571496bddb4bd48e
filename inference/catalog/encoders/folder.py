"""The small files of an imported encoder: what the server shows and the engine reads.

`facts.json` has the fields of an imported GGUF file (`catalog.gguf.folder`) as far as an encoder
has them, and these:

    capabilities         ["embedding"]
    pooling              "mean", "cls" or "max"; done in the graph
    prefix_ids           special tokens in front of every text
    suffix_ids           special tokens behind it
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.catalog import facts_file
from inference.catalog.encoders.description import Description
from inference.catalog.encoders.tokenizer import Frame

WEIGHT_FORMAT = "f16"


def write_facts(
    folder: Path, described: Description, frame: Frame, source_bytes: int
) -> dict[str, Any]:
    """Write facts.json, last of all, and return it."""
    facts = {
        # One name for the family: the differences between its members end in the graph.
        "architecture": "bert",
        "name": None,
        "license": None,
        "capabilities": ["embedding"],
        "parameter_count": count_parameters(described),
        "context_length": described.longest,
        "embedding_length": described.width,
        "block_count": described.layers,
        "head_count": described.heads,
        "head_count_kv": described.heads,
        "feed_forward_length": described.inner_width,
        "vocab_size": described.vocabulary,
        "quantization": "F16",
        "weight_format": WEIGHT_FORMAT,
        "pooling": described.pooling,
        "tokenizer_model": described.model_type,
        "prefix_ids": frame.prefix_ids,
        "suffix_ids": frame.suffix_ids,
        "bos_token_id": next(iter(frame.prefix_ids), None),
        "eos_token_ids": frame.suffix_ids,
        "pad_token_id": described.pad_token_id,
        "has_chat_template": False,
        "source_bytes": source_bytes,
    }
    return facts_file.write_facts(folder, facts)


def count_parameters(described: Description) -> int:
    """How many numbers the encoder's weights have."""
    width, inner = described.width, described.inner_width
    tables = described.vocabulary + described.positions + described.token_types
    attention = 4 * (width * width + width)
    feed_forward = 2 * width * inner + inner + width
    norms = 2 * 2 * width
    return tables * width + 2 * width + described.layers * (attention + feed_forward + norms)
