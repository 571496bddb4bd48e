"""Which files a conversion needs, and which models it cannot take. Pure but for `read_config`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from inference.catalog.fit.kinds import SERVED, Kind, kind_of, refusal_of
from inference.catalog.import_child import ImportRefused

PATTERNS: Final = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*")
"""What is fetched of a repository, as far as it is there. Weights in Python's own format are left
out: reading them runs what is in them."""

EXCLUDED: Final = ("*/*", "consolidated*", "*.gguf", "adapter_*", "training_args*")


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of `folder`. Raises ImportRefused."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ImportRefused("There is no config.json that could be read.") from None
    if not isinstance(config, dict):
        raise ImportRefused("There is no config.json that could be read.")
    return config


def refuse_unfit(config: Mapping[str, Any], files: Collection[str]) -> None:
    """Raise ImportRefused if the model that `config` describes, with `files` in its folder, cannot
    be converted."""
    kind = kind_of(config)
    if kind is Kind.ENCODER:
        raise ImportRefused("Sentence encoders are pulled as they are; they need no conversion.")
    if kind not in SERVED:
        raise ImportRefused(refusal_of(config))
    if kind is not Kind.TEXT:
        raise ImportRefused("config.json does not say that this is a text generation model.")
    if "auto_map" in config:
        raise ImportRefused("The model brings code of its own to be run, which is never done here.")
    if "quantization_config" in config:
        raise ImportRefused("The model's weights are compressed already; convert the original.")
    if not any(name.endswith(".safetensors") for name in files):
        raise ImportRefused("There are no safetensors, the only form of weights that is read here.")
