"""The measures of a network that decide how much memory it needs, read from its config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inference.catalog.fit.description import Description


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Layers and widths of a decoder, or of an encoder, which keeps no cache (`kv_heads` 0).

    `context` is the trained length in tokens, 0 unknown; `sliding_window` the tokens that windowed
    layers see, 0 for none; `experts` 0 for a dense model; `parameters` 0 unknown.
    """

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    context: int
    sliding_window: int = 0
    experts: int = 0
    parameters: int = 0

    @property
    def kv_values_per_token(self) -> int:
        """Numbers that every token leaves in the cache: a key and a value per layer and KV head."""
        return 2 * self.layers * self.kv_heads * self.head_size


def read_shape(description: Description) -> ModelShape | None:
    """The shape as config.json tells it, else as the importer's or the header's facts do; None if
    neither does. Facts know how many weights there are; a config only lets it be reckoned."""
    shape = shape_of(description.config) or _shape_of_facts(description.facts)
    counted = _number(description.facts, "parameter_count")
    return replace(shape, parameters=counted) if shape and counted else shape


def shape_of(config: Mapping[str, Any]) -> ModelShape | None:
    """The shape of a config.json. Multimodal models and some others nest theirs in text_config."""
    nested = config.get("text_config")
    text = {**config, **nested} if isinstance(nested, Mapping) else config
    layers, heads = _number(text, "num_hidden_layers", "n_layer"), _heads(text)
    width = _number(text, "hidden_size", "n_embd")
    if not layers or not heads or not width:
        return None
    is_encoder = not any(
        str(item).endswith(("ForCausalLM", "ForConditionalGeneration"))
        for item in config.get("architectures") or ()
    )
    windowed = _number(text, "sliding_window") if text.get("use_sliding_window", True) else 0
    return ModelShape(
        architecture=str(text.get("model_type", "unknown")),
        layers=layers,
        heads=heads,
        kv_heads=0 if is_encoder else _number(text, "num_key_value_heads") or heads,
        head_size=_number(text, "head_dim") or width // heads,
        context=_number(text, "max_position_embeddings", "n_positions"),
        sliding_window=windowed,
        experts=_number(text, "num_local_experts", "num_experts", "n_routed_experts"),
        parameters=_count_parameters(text, width, layers),
    )


def _shape_of_facts(facts: Mapping[str, Any]) -> ModelShape | None:
    layers, heads = _number(facts, "block_count"), _number(facts, "head_count")
    width = _number(facts, "embedding_length")
    if not layers or not heads or not width:
        return None
    return ModelShape(
        architecture=str(facts.get("architecture", "unknown")),
        layers=layers,
        heads=heads,
        kv_heads=_number(facts, "head_count_kv") or heads,
        head_size=_number(facts, "head_size") or width // heads,
        context=_number(facts, "context_length"),
        sliding_window=_number(facts, "sliding_window"),
        parameters=_number(facts, "parameter_count"),
    )


def _heads(text: Mapping[str, Any]) -> int:
    return _number(text, "num_attention_heads", "n_head")


def _number(values: Mapping[str, Any], *keys: str) -> int:
    """The first of these that is a whole number above nothing; configs come from strangers."""
    for key in keys:
        value = values.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 48:
            return value
    return 0


def _count_parameters(text: Mapping[str, Any], width: int, layers: int) -> int:
    """Weights of a decoder with gated feed-forward, as nearly all are: good to a few per cent;
    0 unknown."""
    inner = _number(text, "intermediate_size")
    vocabulary, heads = _number(text, "vocab_size"), _heads(text)
    if not inner or not vocabulary:
        return 0
    experts = _number(text, "num_local_experts", "num_experts")
    if experts:
        inner = experts * (_number(text, "moe_intermediate_size") or inner)
    head = _number(text, "head_dim") or width // heads
    shared = _number(text, "num_key_value_heads") or heads
    attention = 2 * width * heads * head + 2 * width * shared * head
    tables = 1 if text.get("tie_word_embeddings") else 2
    return (
        tables * vocabulary * width + layers * (attention + 3 * width * inner + 2 * width) + width
    )
