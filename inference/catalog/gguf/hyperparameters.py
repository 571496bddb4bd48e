"""The numbers a decoder is built from, checked, as a GGUF file's keys give them.

Keys that are absent have llama.cpp's defaults, because llama.cpp is what the files are written for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from inference.catalog.gguf.architectures import ARCHITECTURES, Architecture
from inference.catalog.gguf.errors import CorruptFile, UnsupportedModel
from inference.catalog.gguf.metadata import Metadata

_MAX_LAYERS: Final = 512
_NO_WINDOW: Final = 2**31


@dataclass(frozen=True)
class Scaling:
    """How positions beyond the original context are squeezed into it."""

    kind: str  # "none", "linear", "yarn" or "longrope"
    factor: float  # at least 1
    original_context: int  # tokens
    magnitude: float  # on sine and cosine, beside what yarn computes itself
    fast: float  # yarn: rotations of the fastest and the slowest channel that are touched
    slow: float
    log_multiplier: float  # yarn: 0 unless the file has one


@dataclass(frozen=True)
class Hyperparameters:
    """A decoder's numbers."""

    architecture: Architecture
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    rotated: int  # channels of a head that are rotated
    epsilon: float
    rope_base: float
    local_base: float  # of windowed layers
    scaling: Scaling
    context: int  # tokens the model was made for
    window: int | None  # tokens that windowed layers see
    windowed_of: int  # of so many layers all but the last are windowed; 0: none
    embedding_scale: float
    residual_scale: float
    logit_scale: float  # the logits are divided by it
    attention_scale: float
    final_soft_cap: float  # 0: none
    temperature_scale: float  # how queries grow with their position; 0: they do not
    temperature_step: int  # tokens

    @property
    def served_context(self) -> int:
        """Tokens within which the import is exact.

        Where a file has a window but its architecture does not say which layers it is for, every
        layer sees everything, and up to the window's size that is the same.
        """
        if self.window is None or self.windowed_of:
            return self.context
        return min(self.context, self.window)

    def is_windowed(self, layer: int) -> bool:
        """Whether `layer` sees a window only."""
        if self.window is None or not self.windowed_of:
            return False
        return layer % self.windowed_of < self.windowed_of - 1

    def is_rotated(self, layer: int) -> bool:
        """Whether the queries and keys of `layer` know their positions."""
        period = self.architecture.rotated_of
        return not period or (layer + 1) % period != 0


def read_hyperparameters(metadata: Metadata) -> Hyperparameters:
    """Read them; raises UnsupportedModel for what cannot be built and CorruptFile for nonsense."""
    try:
        kind = ARCHITECTURES[metadata.architecture]
    except KeyError:
        raise UnsupportedModel("This model's architecture is not supported.") from None
    width, layers = _count(metadata, "embedding_length"), _count(metadata, "block_count")
    heads = _same_everywhere(metadata, "attention.head_count")
    kv_heads = _same_everywhere(metadata, "attention.head_count_kv", default=heads)
    head_size = metadata.of_model("attention.key_length") or width // heads
    if layers > _MAX_LAYERS or heads % kv_heads or head_size < 2 or head_size % 2:
        raise CorruptFile("The file contradicts itself about its model's size.")
    if (metadata.of_model("attention.value_length") or head_size) != head_size:
        raise UnsupportedModel("This model's keys and values differ in size.")
    _same_everywhere(metadata, "feed_forward_length")
    context = _count(metadata, "context_length")
    base = _real(metadata, "rope.freq_base", 10000.0)
    window = metadata.of_model("attention.sliding_window")
    # Large ones of that kind, with 64 layers, have windows whatever the file says.
    if kind.refuses_windows and (window or layers >= 64):
        raise UnsupportedModel("This model's windowed layers are not supported.")
    is_minicpm = metadata.architecture == "minicpm"
    return Hyperparameters(
        architecture=kind,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads,
        head_size=head_size,
        rotated=_rotated(metadata, head_size),
        epsilon=_real(metadata, "attention.layer_norm_rms_epsilon", 0.0),
        rope_base=base,
        local_base=_real(metadata, "rope.freq_base_swa", kind.local_base or base),
        scaling=_scaling(metadata, context),
        context=context,
        window=window if window is not None and 0 < window < _NO_WINDOW else None,
        windowed_of=_windowed_of(metadata, kind),
        embedding_scale=_real(
            metadata,
            "embedding_scale",
            math.sqrt(width) if kind.scales_embeddings else 12.0 if is_minicpm else 1.0,
        ),
        residual_scale=_real(
            metadata, "residual_scale", 1.4 / math.sqrt(layers) if is_minicpm else 1.0
        ),
        logit_scale=_real(metadata, "logit_scale", width / 256 if is_minicpm else 1.0) or 1.0,
        attention_scale=_real(metadata, "attention.scale", 0.0) or 1 / math.sqrt(head_size),
        final_soft_cap=_real(metadata, "final_logit_softcapping", 0.0),
        temperature_scale=_real(metadata, "attention.temperature_scale", 0.0),
        temperature_step=_count(metadata, "rope.scaling.original_context_length", context),
    )


def _scaling(metadata: Metadata, context: int) -> Scaling:
    kind = metadata.text(f"{metadata.architecture}.rope.scaling.type")
    factor = _real(metadata, "rope.scaling.factor", 0.0) or _real(
        metadata, "rope.scale_linear", 0.0
    )
    has_long = any(tensor.name.startswith("rope_factors_") for tensor in metadata.tensors)
    kind = "longrope" if has_long else kind or ("linear" if factor else "none")
    if kind not in ("none", "linear", "yarn", "longrope"):
        raise UnsupportedModel(f"This model scales its positions in an unknown way ({kind[:20]}).")
    if metadata.numbers(f"{metadata.architecture}.rope.dimension_sections"):
        raise UnsupportedModel("This model's positions have several dimensions.")
    return Scaling(
        kind=kind,
        factor=factor or 1.0,
        original_context=_count(metadata, "rope.scaling.original_context_length", context),
        magnitude=_real(metadata, "rope.scaling.attn_factor", 1.0),
        fast=_real(metadata, "rope.scaling.yarn_beta_fast", 32.0),
        slow=_real(metadata, "rope.scaling.yarn_beta_slow", 1.0),
        log_multiplier=_real(metadata, "rope.scaling.yarn_log_multiplier", 0.0),
    )


def _windowed_of(metadata: Metadata, kind: Architecture) -> int:
    key = f"{metadata.architecture}.attention.sliding_window_pattern"
    pattern = metadata.values.get(key)
    if pattern is None or not kind.windowed_of:
        return kind.windowed_of
    if not isinstance(pattern, int) or isinstance(pattern, bool) or pattern < 1:
        raise UnsupportedModel("This model's windowed layers follow no pattern known here.")
    return pattern


def _rotated(metadata: Metadata, head_size: int) -> int:
    rotated = metadata.of_model("rope.dimension_count") or head_size
    if rotated < 2 or rotated > head_size or rotated % 2:
        raise CorruptFile("The file contradicts itself about its model's positions.")
    return rotated


def _count(metadata: Metadata, key: str, default: int | None = None) -> int:
    number = metadata.of_model(key)
    number = default if number is None else number
    if number is None or not 0 < number < 2**31:
        raise CorruptFile(f"The file does not say its model's {key.replace('_', ' ')}.")
    return number


def _same_everywhere(metadata: Metadata, key: str, default: int | None = None) -> int:
    value = metadata.values.get(f"{metadata.architecture}.{key}")
    if isinstance(value, list) and len(set(value)) > 1:
        raise UnsupportedModel("This model's layers differ in size.")
    return _count(metadata, key, default)


def _real(metadata: Metadata, key: str, default: float) -> float:
    value = metadata.values.get(f"{metadata.architecture}.{key}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    if not math.isfinite(value):
        raise CorruptFile("The file has a number that is none.")
    return float(value)
