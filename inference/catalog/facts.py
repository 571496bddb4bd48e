"""What is known about an OpenVINO folder that our importer did not make.

Imported GGUF files bring facts.json (see `inference.catalog.gguf.folder`). A folder exported by
other tools brings config.json, and the compression it was made with inside its graph.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from inference.catalog.errors import Refused
from inference.catalog.fit.kinds import Kind, kind_of, refusal_of

_TAIL_BYTES = 64 * 1024
_MODE = re.compile(rb'<mode value="([a-z0-9_]+)" />')
_GROUP = re.compile(rb'<group_size value="(-?\d+)" />')


def read_facts(folder: Path) -> dict[str, Any]:
    """facts.json of `folder`, or the same fields as far as config.json tells them.

    Raises Refused when the folder does not hold a text generation model.
    """
    own = folder / "facts.json"
    if own.exists():
        return _read_json(own)
    config = _read_json(folder / "config.json")
    text = config.get("text_config", config)
    if refusal := refusal_of(config):
        raise Refused(refusal)
    if kind_of(config) is not Kind.TEXT:
        classes = ", ".join(str(item) for item in config.get("architectures") or ())
        raise Refused(
            f"{classes or 'this kind of model'} cannot be served from an OpenVINO folder: "
            "only text generation models can"
        )
    eos = text.get("eos_token_id")
    return {
        "architecture": str(text.get("model_type", "unknown")),
        "name": None,
        "license": None,
        "parameter_count": _count_parameters(text),
        "context_length": text.get("max_position_embeddings") or 0,
        "embedding_length": text.get("hidden_size"),
        "block_count": text.get("num_hidden_layers"),
        "head_count": text.get("num_attention_heads"),
        "head_count_kv": text.get("num_key_value_heads") or text.get("num_attention_heads"),
        "feed_forward_length": text.get("intermediate_size"),
        "vocab_size": text.get("vocab_size"),
        "quantization": _read_compression(folder / "openvino_model.xml"),
        "weight_format": _read_compression(folder / "openvino_model.xml"),
        "bos_token_id": text.get("bos_token_id"),
        "eos_token_ids": eos if isinstance(eos, list) else [eos] if eos is not None else [],
        "pad_token_id": text.get("pad_token_id"),
        "has_chat_template": (folder / "chat_template.jinja").exists(),
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"{path.name} of the model cannot be read") from error
    if not isinstance(content, dict):
        raise Refused(f"{path.name} of the model is not what it should be")
    return content


def _read_compression(graph: Path) -> str:
    """How nncf compressed the weights, as it notes at the graph's end; `none` without a note."""
    with graph.open("rb") as file:
        file.seek(max(0, graph.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    mode, group = _MODE.search(tail), _GROUP.search(tail)
    if mode is None:
        return "none"
    size = int(group.group(1)) if group else -1
    return mode.group(1).decode() + (f"-g{size}" if size > 0 else "")


def _count_parameters(config: dict[str, Any]) -> int:
    """Weights of a decoder with gated feed-forward, as nearly all of them are; 0 unknown."""
    try:
        width, inner = int(config["hidden_size"]), int(config["intermediate_size"])
        layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        vocabulary = int(config["vocab_size"])
    except (KeyError, TypeError, ValueError):
        return 0
    head = int(config.get("head_dim") or width // heads)
    shared = int(config.get("num_key_value_heads") or heads)
    attention = 2 * width * heads * head + 2 * width * shared * head
    tables = 1 if config.get("tie_word_embeddings") else 2
    norms = 2 * width
    return tables * vocabulary * width + layers * (attention + 3 * width * inner + norms) + width
