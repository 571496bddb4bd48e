"""Reads what a GGUF file says about itself: its key/value pairs and the list of its tensors.

OpenVINO's frontend keeps this to itself, yet the tokenizer, the chat template and the facts the
server shows come from here. Files come from strangers, so every count and offset is checked
against the size of the file before it is believed.
"""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.catalog.gguf.errors import CorruptFile, UnsupportedModel

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_STRING: Final = 8
_ARRAY: Final = 9
_SCALARS: Final[dict[int, str]] = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
    10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_MAX_DIMENSIONS: Final = 8
_MAX_NESTING: Final = 4

# general.file_type, by the numbers llama.cpp gives the names of its quantisation mixes.
_FILE_TYPES: Final[dict[int, str]] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0",
    38: "MXFP4_MOE",
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """One entry of the tensor list; `shape` is in the file's order, fastest dimension first."""

    name: str
    shape: tuple[int, ...]
    kind: int = 0  # how its values are packed, by ggml's numbers
    offset: int = 0  # of its first byte, from where the data begin

    @property
    def count(self) -> int:
        """Number of values."""
        product = 1
        for length in self.shape:
            product *= length
        return product


@dataclass(frozen=True)
class Metadata:
    """Everything in a GGUF file but the weights."""

    values: dict[str, Any]
    tensors: tuple[TensorInfo, ...]
    data_offset: int = 0  # where the tensors' data begin

    @property
    def architecture(self) -> str:
        """Such as "llama"; raises CorruptFile when the file does not say."""
        name = self.values.get("general.architecture")
        if not isinstance(name, str) or not name:
            raise CorruptFile("The file does not say which architecture its model has.")
        return name

    @property
    def parameter_count(self) -> int:
        """Number of weights, tied ones once."""
        return sum(tensor.count for tensor in self.tensors)

    @property
    def quantization(self) -> str:
        """Such as "Q4_1"; "unknown" for mixes without a number of their own."""
        number = self.values.get("general.file_type")
        return _FILE_TYPES.get(number, "unknown") if isinstance(number, int) else "unknown"

    def text(self, key: str) -> str | None:
        """The string under `key`, or None."""
        value = self.values.get(key)
        return value if isinstance(value, str) and value else None

    def integer(self, key: str) -> int | None:
        """The number under `key`; of a list, its largest member (per-layer head counts)."""
        value = self.values.get(key)
        if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
            return int(max(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return None

    def flag(self, key: str) -> bool | None:
        """The truth value under `key`, or None."""
        value = self.values.get(key)
        return bool(value) if isinstance(value, (bool, int)) else None

    def texts(self, key: str) -> list[str]:
        """The list of strings under `key`; empty when absent or of another kind."""
        value = self.values.get(key)
        return value if isinstance(value, list) and all(isinstance(v, str) for v in value) else []

    def numbers(self, key: str) -> list[float]:
        """The list of numbers under `key`; empty when absent or of another kind."""
        value = self.values.get(key)
        if isinstance(value, list) and all(isinstance(v, (int, float)) for v in value):
            return value
        return []

    def of_model(self, key: str) -> int | None:
        """The number under `<architecture>.<key>`."""
        return self.integer(f"{self.architecture}.{key}")


def read_vector(path: Path, metadata: Metadata, name: str) -> NDArray[np.float64] | None:
    """The values of a small f32 tensor; None when there is none of this name."""
    for tensor in metadata.tensors:
        if tensor.name == name:
            if tensor.kind != 0 or tensor.count > 1 << 16:
                raise UnsupportedModel(f"The file has {name} in a form that is not known.")
            with path.open("rb") as file:
                file.seek(metadata.data_offset + tensor.offset)
                data = file.read(4 * tensor.count)
            if len(data) != 4 * tensor.count:
                raise CorruptFile("The file is truncated.")
            return np.frombuffer(data, "<f4").astype(np.float64)
    return None


def read_metadata(path: Path) -> Metadata:
    """Read the header of the GGUF file at `path`; raises GgufError or OSError."""
    with path.open("rb") as file:
        if path.stat().st_size < 24:
            raise CorruptFile("The file is too short to be a GGUF model.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return _Reader(view).read()


class _Reader:
    """A cursor over the mapped file that refuses to leave it."""

    def __init__(self, view: mmap.mmap) -> None:
        self._view = view
        self._size = len(view)
        self._at = 0

    def read(self) -> Metadata:
        if self._take(4) != _MAGIC:
            raise CorruptFile("The file is not a GGUF model.")
        version = self._scalar("<I")
        if version not in _VERSIONS:
            raise UnsupportedModel(f"The file has GGUF version {version}; only 2 and 3 are known.")
        tensor_count = self._count(24, "tensors")
        value_count = self._count(12, "values")
        values: dict[str, Any] = {}
        for _ in range(value_count):
            key = self._string()
            values[key] = self._value(self._scalar("<I"), nesting=0)
        tensors = tuple(self._tensor() for _ in range(tensor_count))
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise CorruptFile("The file's weights lie in no sensible order.")
        return Metadata(values, tensors, -(-self._at // alignment) * alignment)

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > self._size:
            raise CorruptFile("The file is truncated.")
        taken = self._view[self._at : end]
        self._at = end
        return taken

    def _scalar(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _count(self, least_bytes: int, what: str) -> int:
        """A count of things that need at least `least_bytes` each of what is left of the file."""
        count: int = self._scalar("<Q")
        if count * least_bytes > self._size - self._at:
            raise CorruptFile(f"The file announces more {what} than it can hold.")
        return count

    def _string(self) -> str:
        length = self._count(1, "text")
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise CorruptFile("The file has text that is not UTF-8.") from None

    def _value(self, kind: int, nesting: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array(nesting + 1)
        if kind not in _SCALARS:
            raise CorruptFile("The file has a value of an unknown type.")
        return self._scalar(_SCALARS[kind])

    def _array(self, nesting: int) -> list[Any]:
        if nesting > _MAX_NESTING:
            raise CorruptFile("The file has lists that are nested too deeply.")
        kind: int = self._scalar("<I")
        if kind in _SCALARS:
            width = struct.calcsize(_SCALARS[kind])
            count = self._count(width, "numbers")
            form = np.dtype(_SCALARS[kind])
            numbers: list[Any] = np.frombuffer(self._take(count * width), form).tolist()
            return numbers
        count = self._count(8, "values")
        read: Callable[[], Any] = self._string
        if kind != _STRING:
            read = lambda: self._value(kind, nesting)  # noqa: E731
        return [read() for _ in range(count)]

    def _tensor(self) -> TensorInfo:
        name = self._string()
        dimensions = self._scalar("<I")
        if not 0 < dimensions <= _MAX_DIMENSIONS:
            raise CorruptFile("The file has a tensor without a sensible shape.")
        shape = struct.unpack(f"<{dimensions}Q", self._take(8 * dimensions))
        offset_and_type = self._take(12)
        kind, offset = struct.unpack("<IQ", offset_and_type)
        if offset > self._size or any(length > 1 << 40 for length in shape):
            raise CorruptFile("The file is truncated.")
        return TensorInfo(name, shape, kind, offset)
