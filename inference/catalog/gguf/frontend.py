"""A GGUF file's weights, as OpenVINO's GGUF frontend reads them.

The frontend knows every common way of packing and leaves weights packed (see `weights`). It reads
files of architectures on its own list only, though the weights of others are no different; so such
a file is shown to it under another name.
"""

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import openvino as ov
from openvino.frontend import (
    FrontEndManager,
    GeneralFailure,
    NotImplementedFailure,
    OpConversionFailure,
)

from inference.catalog.gguf.errors import CorruptFile, GgufError, UnsupportedModel
from inference.catalog.gguf.hyperparameters import Hyperparameters
from inference.catalog.gguf.metadata import Metadata

_PREFIX: Final = "weight.weight_"
_ALIGNMENT: Final = 32
_KEEP_ZERO_POINTS: Final = "OV_GGUF_Q4_K_ZP_F16"  # the frontend's own name, for more than Q4_K


def load_weights(
    path: Path, numbers: Hyperparameters, metadata: Metadata, *, is_exact: bool
) -> dict[str, ov.Output]:
    """The weights of `path` by name; matrices with the slowest dimension first, as f32.

    Fused weights of query, key and value come apart. `is_exact` keeps zero points between whole
    numbers as they are; otherwise the frontend rounds those of some packings, for which engines
    multiply faster. The first call of a process decides it for all. Raises CorruptFile or
    UnsupportedModel.
    """
    os.environ[_KEEP_ZERO_POINTS] = "1" if is_exact else "0"
    other_name = numbers.architecture.frontend_name
    if path.suffix != ".gguf":  # the frontend reads no other
        other_name = other_name or metadata.architecture
    if other_name is None:
        return _named_weights(_convert(path))
    with _under_another_name(path, other_name, numbers, metadata) as other:
        return _named_weights(_convert(other))


def _named_weights(model: ov.Model) -> dict[str, ov.Output]:
    return {
        node.get_friendly_name().removeprefix(_PREFIX): node.output(0)
        for node in model.get_ops()
        if node.get_friendly_name().startswith(_PREFIX)
    }


def _convert(path: Path) -> ov.Model:
    frontend = FrontEndManager().load_by_framework("gguf")
    if frontend is None:
        raise GgufError("This version of OpenVINO cannot read GGUF files.")
    try:
        return frontend.convert(frontend.load(str(path)))
    except (RuntimeError, GeneralFailure, OpConversionFailure, NotImplementedFailure) as error:
        raise explain(error) from error


def explain(error: Exception) -> GgufError:
    """The frontend's complaint in words for the user; its own text names paths and source files."""
    if "architecture" in str(error).lower():
        return UnsupportedModel("This model's architecture is not supported by this OpenVINO.")
    return CorruptFile("The file is damaged or truncated: its weights cannot be read.")


@contextmanager
def _under_another_name(
    path: Path, name: str, numbers: Hyperparameters, metadata: Metadata
) -> Iterator[Path]:
    """A copy of `path` whose model has the architecture `name`, with what the weights need."""
    values: dict[str, str | int | float] = {
        "general.architecture": name,
        f"{name}.block_count": numbers.layers,
        f"{name}.context_length": numbers.context,
        f"{name}.embedding_length": numbers.width,
        f"{name}.feed_forward_length": metadata.of_model("feed_forward_length") or 0,
        f"{name}.attention.head_count": numbers.heads,
        f"{name}.attention.head_count_kv": numbers.kv_heads,
        f"{name}.attention.key_length": numbers.head_size,
        f"{name}.attention.value_length": numbers.head_size,
        f"{name}.attention.layer_norm_rms_epsilon": numbers.epsilon,
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(metadata.tensors), len(values))
    for key, value in values.items():
        head += _text(key) + _value(value)
    for tensor in metadata.tensors:
        count = len(tensor.shape)
        head += _text(tensor.name) + struct.pack(f"<I{count}Q", count, *tensor.shape)
        head += struct.pack("<IQ", tensor.kind, tensor.offset)
    with tempfile.TemporaryDirectory(prefix="gguf-", dir=path.parent) as folder:
        copy = Path(folder) / "model.gguf"
        with path.open("rb") as source, copy.open("wb") as target:
            target.write(head + b"\0" * (-len(head) % _ALIGNMENT))
            source.seek(metadata.data_offset)
            shutil.copyfileobj(source, target, 1 << 22)
        yield copy


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: str | int | float) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    return struct.pack("<II", 4, value) if isinstance(value, int) else struct.pack("<If", 6, value)
