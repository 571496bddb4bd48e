"""Which files make up an encoder, before it is imported. Imports no OpenVINO: the server asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WEIGHTS: Final = "model.safetensors"
TOKENIZER: Final = "tokenizer.json"
CONFIG: Final = "config.json"
NEEDED: Final = (WEIGHTS, TOKENIZER, CONFIG)
ABOUT_SENTENCES: Final = ("modules.json", "sentence_bert_config.json", "1_Pooling/config.json")
"""The files of the sentence-transformers library."""

MODEL_TYPES: Final = ("bert", "roberta", "xlm-roberta")
"""What config.json calls the networks that `graph` builds."""


def holds_encoder(folder: Path) -> bool:
    """Whether a folder on the disk has what an encoder's import needs."""
    if not all((folder / name).is_file() for name in NEEDED):
        return False
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(config, dict) or config.get("model_type") not in MODEL_TYPES:
        return False
    classes = [str(item) for item in config.get("architectures") or ()]
    return not any(item.endswith("ForCausalLM") for item in classes)


def files_of_encoder(folder: Path) -> Iterator[Path]:
    """The files of an encoder's folder that its import reads; links are left out."""
    for name in (*NEEDED, *ABOUT_SENTENCES, "tokenizer_config.json"):
        path = folder / name
        is_linked = any(part.is_symlink() for part in (path, path.parent) if part != folder)
        if path.is_file() and not is_linked:
            yield path
