"""What kind of model a config.json describes, and why some kinds cannot be served yet.

The one place that decides it: the planner asks before a pull, the installer's facts reader after.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from inference.catalog.encoders.files import MODEL_TYPES


class Kind(StrEnum):
    """What a model does. UNKNOWN: there is no config, or it does not say."""

    TEXT = "text generation"
    ENCODER = "sentence encoder"
    VISION = "vision-language"
    SPEECH = "speech"
    RERANKER = "reranker"
    OTHER = "other"
    UNKNOWN = "unknown"


SERVED = frozenset({Kind.TEXT, Kind.ENCODER, Kind.UNKNOWN})
_SPEECH_TYPES = frozenset({"whisper", "wav2vec2", "speech_to_text", "moonshine", "hubert"})
_SEES = frozenset({"vision_config", "img_processor", "vision_tower", "mm_vision_tower", "visual"})
"""Fields by which different makers' configs tell that the model looks at pictures."""


def kind_of(config: Mapping[str, Any], name: str = "") -> Kind:
    """The kind of the model with that config.json. `name` tells a reranker that is built as a text
    generator (Qwen3-Reranker) from one that writes text."""
    if not config:
        return Kind.UNKNOWN
    classes = [str(item) for item in config.get("architectures") or ()]
    model_type = str(config.get("model_type", ""))
    if model_type in _SPEECH_TYPES or any("Whisper" in item for item in classes):
        return Kind.SPEECH
    if any(item.endswith("ForSequenceClassification") for item in classes):
        return Kind.RERANKER
    writes = any(item.endswith("ForCausalLM") for item in classes)
    if writes and "rerank" in name.lower():
        return Kind.RERANKER
    if not _SEES.isdisjoint(config) or any("VL" in item or "Vision" in item for item in classes):
        return Kind.VISION
    if writes:
        return Kind.TEXT
    if model_type in MODEL_TYPES:
        return Kind.ENCODER
    return Kind.OTHER if classes or model_type else Kind.UNKNOWN


def refusal_of(config: Mapping[str, Any], name: str = "") -> str:
    """Why a model of that kind cannot be served, "" if its kind can."""
    kind = kind_of(config, name)
    if kind in SERVED:
        return ""
    what = ", ".join(str(item) for item in config.get("architectures") or ()) or str(
        config.get("model_type", "this kind of model")
    )
    if kind is Kind.OTHER:
        return f"{what} cannot be served: only text generation models and sentence encoders can"
    return f"{what} is a {kind} model; there is no runtime for those yet"
