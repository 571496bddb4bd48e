"""Which of a model's files are its weights, in which format, and what becomes of them here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from inference.catalog.fit.description import Description, ListedFile
from inference.catalog.fit.kinds import Kind
from inference.catalog.fit.recipe import Recipe, read_recipe
from inference.catalog.fit.shape import ModelShape

_SMALL_PARAMETERS = 1_000_000_000
"""A GGUF file with fewer weights is imported as int8 (docs/starter-weights.md)."""
_INT4_BYTES = 0.6
"""For each weight after conversion to int4: embeddings and scales are wider."""
_GGUF_BITS = re.compile(r"(?:^|[-._])(?:I?Q(\d)|F(16|32)|BF(16))(?=[-._]|$)", re.IGNORECASE)


class Format(StrEnum):
    """What the files are. SAFETENSORS decoders must be converted before they can be served."""

    OPENVINO = "openvino"
    GGUF = "gguf"
    SAFETENSORS = "safetensors"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Weights:
    """`download_bytes` is what a pull fetches, `loaded_bytes` what an engine then loads; `is_exact`
    says whether the latter is the files' own size. `recipe` is that of what is loaded."""

    format: Format
    download_bytes: int
    loaded_bytes: int
    is_exact: bool
    recipe: Recipe


def read_weights(
    description: Description, kind: Kind, shape: ModelShape | None, patterns: Sequence[str] = ()
) -> Weights:
    """The weights among the files that match `patterns` (none: all). Of several GGUF files the
    smallest is taken: it is the one that may still fit."""
    files = [file for file in description.files if _matches(file.name, patterns)]
    total = sum(file.size_bytes for file in files)
    graphs = _sized(files, "openvino_model.bin")
    if graphs:
        return Weights(Format.OPENVINO, total, graphs, True, read_recipe(description))
    ggufs = [file for file in files if file.name.lower().endswith(".gguf")]
    if ggufs:
        return _of_gguf(min(ggufs, key=lambda file: file.size_bytes), shape)
    tensors = sum(file.size_bytes for file in files if file.name.endswith(".safetensors"))
    if tensors and kind is Kind.ENCODER:
        # The import keeps encoders in half precision; files have four bytes or two for a weight.
        return Weights(Format.SAFETENSORS, total, tensors, False, Recipe(16, source="importer"))
    if tensors:
        count = shape.parameters if shape and shape.parameters else tensors // 2
        return Weights(Format.SAFETENSORS, total, int(count * _INT4_BYTES), False, Recipe())
    return Weights(Format.NONE, total, 0, False, Recipe())


def _of_gguf(file: ListedFile, shape: ModelShape | None) -> Weights:
    size = file.size_bytes
    bits = _bits_of(file.name)
    count = shape.parameters if shape and shape.parameters else 8 * size // bits if bits else 0
    if count and count < _SMALL_PARAMETERS:
        return Weights(Format.GGUF, size, count, False, Recipe(8, True, -1, 1.0, "importer"))
    recipe = Recipe(min(bits, 16), False, 32, 1.0, "importer") if bits else Recipe()
    return Weights(Format.GGUF, size, size, False, recipe)


def _bits_of(name: str) -> int:
    """Bits for each weight by a GGUF file's name (Q4_K_M: 4), 0 when it does not tell."""
    found = _GGUF_BITS.findall(name)
    return int(next(bits for bits in found[-1] if bits)) if found else 0


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _sized(files: Sequence[ListedFile], name: str) -> int:
    return next((file.size_bytes for file in files if file.name == name), 0)
