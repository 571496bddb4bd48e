"""What kind of model a folder holds, from its config.json and the names of its files. Pure.

A model is told by its own description, never by its name. What no runtime here can serve is still
recognised, so that it is refused in words that say what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any


class ModelKind(StrEnum):
    """What a model does."""

    TEXT = "text generation"
    EMBEDDING = "sentence embedding"
    VISION = "vision-language"
    SPEECH = "speech recognition"
    RERANKER = "reranking"
    OTHER = "other"


SERVED = frozenset({ModelKind.TEXT, ModelKind.EMBEDDING})
"""The kinds that have a runtime here."""

_SPEECH_TYPES = frozenset({"whisper", "moonshine", "speech_to_text", "wav2vec2"})
_PICTURE_PARTS = frozenset({"vision_config", "vision_tower", "mm_vision_tower"})
_PICTURE_FILES = ("openvino_vision_embeddings_model.xml", "openvino_language_model.xml")
_SPEECH_FILES = ("openvino_encoder_model.xml", "openvino_decoder_model.xml")
_ENCODERS = ("Model", "ForMaskedLM")


def kind_of(config: Mapping[str, Any], files: Collection[str] = ()) -> ModelKind:
    """The kind of the model that `config` (its config.json, {} where there is none) describes, and
    whose folder has `files` (names without a folder)."""
    model_type = str(config.get("model_type") or "")
    classes = _classes(config)
    if model_type in _SPEECH_TYPES or any(name in files for name in _SPEECH_FILES):
        return ModelKind.SPEECH
    if _PICTURE_PARTS & config.keys() or any(name in files for name in _PICTURE_FILES):
        return ModelKind.VISION
    if any(name.endswith("ForSequenceClassification") for name in classes):
        return ModelKind.RERANKER if _labels(config) == 1 else ModelKind.OTHER
    if any(name.endswith("ForCausalLM") for name in classes):
        return ModelKind.TEXT
    if classes and all(name.endswith(_ENCODERS) for name in classes):
        return ModelKind.EMBEDDING
    return ModelKind.OTHER


def refusal_of(config: Mapping[str, Any], files: Collection[str] = ()) -> str:
    """Why such a model cannot be served here, in words for a person; "" if it can."""
    kind = kind_of(config, files)
    if kind in SERVED:
        return ""
    if kind is ModelKind.OTHER:
        what = ", ".join(_classes(config)) or "this kind of model"
        return f"{what} cannot be served: only text generation models and sentence encoders can"
    what = str(config.get("model_type") or "this")
    return f"{what} is a {kind} model, which cannot be served here yet"


def _classes(config: Mapping[str, Any]) -> list[str]:
    listed = config.get("architectures")
    return [str(name) for name in listed] if isinstance(listed, list) else []


def _labels(config: Mapping[str, Any]) -> int:
    """How many classes a classifier tells apart: a reranker gives one number."""
    named = config.get("id2label")
    if isinstance(named, dict) and named:
        return len(named)
    count = config.get("num_labels")
    return count if isinstance(count, int) else 2
