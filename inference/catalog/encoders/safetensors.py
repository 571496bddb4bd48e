"""Weights in the safetensors format: a length, a JSON header, and the tensors' bytes.

Source: https://github.com/huggingface/safetensors#format. Read with a memory map, one tensor at a
time, so that a large model is never in memory twice; every number of the header is checked before
it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.catalog.encoders.errors import CorruptFile, UnsupportedEncoder

_LENGTH_BYTES: Final = 8
_LONGEST_HEADER_BYTES: Final = 16 * 2**20
_BYTES_EACH: Final = {"F32": 4, "F16": 2, "BF16": 2}


class Weights:
    """The tensors of one file, by name. Raises CorruptFile when the header cannot be trusted."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        if size < _LENGTH_BYTES:
            raise CorruptFile("The file of weights is truncated.")
        self._bytes = np.memmap(path, np.uint8, "r")
        length = int.from_bytes(self._bytes[:_LENGTH_BYTES].tobytes(), "little")
        if not 2 <= length <= min(_LONGEST_HEADER_BYTES, size - _LENGTH_BYTES):
            raise CorruptFile("The file of weights is truncated, or no safetensors file.")
        self._start = _LENGTH_BYTES + length
        self._header = _parse_header(self._bytes[_LENGTH_BYTES : self._start].tobytes())

    def __contains__(self, name: str) -> bool:
        return name in self._header

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def kind(self, name: str) -> str:
        """How that tensor is stored, such as `F32`."""
        return str(self._entry(name).get("dtype"))

    def take(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """A copy of that tensor as f32; it must have that shape.

        Raises CorruptFile when it is not there as the model's description says, and
        UnsupportedEncoder for numbers in a form that is not read here.
        """
        entry, kind = self._entry(name), self.kind(name)
        if kind not in _BYTES_EACH:
            raise UnsupportedEncoder(f"Weights stored as {kind} are not supported.")
        if entry.get("shape") != list(shape):
            raise CorruptFile("The weights contradict the model's description.")
        first, last = _offsets(entry)
        expected = int(np.prod(shape)) * _BYTES_EACH[kind]
        if last - first != expected or self._start + last > len(self._bytes):
            raise CorruptFile("The file of weights is truncated.")
        values = _as_float32(self._bytes[self._start + first : self._start + last], kind, shape)
        if not np.isfinite(values).all():  # saving them as f16 would turn them into zeros
            raise CorruptFile("The file of weights holds what is no number.")
        return values

    def _entry(self, name: str) -> dict[str, Any]:
        entry = self._header.get(name)
        if not isinstance(entry, dict):
            raise CorruptFile("Weights that the model's description names are missing.")
        return entry


def _parse_header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise CorruptFile("The file of weights is damaged, or no safetensors file.")
    header.pop("__metadata__", None)
    return header


def _offsets(entry: dict[str, Any]) -> tuple[int, int]:
    match entry.get("data_offsets"):
        case [int(first), int(last)] if 0 <= first <= last:
            return first, last
    raise CorruptFile("The file of weights is damaged.")


def _as_float32(
    stored: NDArray[np.uint8], kind: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    copy = np.frombuffer(stored.tobytes(), np.uint8)
    if kind == "BF16":
        # The upper half of an f32.
        return (copy.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    return copy.view("<f4" if kind == "F32" else "<f2").astype(np.float32).reshape(shape)
