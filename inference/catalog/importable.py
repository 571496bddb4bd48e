"""What lies in the import folder, and whether it could be imported. Only cheap looks: names, a
file's header, config.json; whether the weights can be read is seen when it is imported. Blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.catalog.encoders.files import holds_encoder
from inference.catalog.errors import Refused
from inference.catalog.facts import read_facts
from inference.catalog.gguf.description import describe_gguf
from inference.catalog.sources import bytes_under
from inference.catalog.sources.local import model_files, name_of
from inference.errors import InferenceError

_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Importable:
    """A file or folder. `request` is what to pull to have it imported, `kind` gguf, openvino,
    encoder or other; `obstacle` says why it cannot be imported, "" if nothing speaks against it."""

    place: str
    request: str
    model: str
    kind: str
    size_bytes: int
    obstacle: str = ""


def list_importable(drop: Path) -> tuple[Importable, ...]:
    """Everything in the import folder, by name; hidden things are left out."""
    if not drop.is_dir():
        return ()
    found = []
    for path in sorted(drop.iterdir()):
        if not path.name.startswith("."):
            try:
                found.append(look_at(path))
            except FileNotFoundError:
                continue  # it went meanwhile
    return tuple(found)


def look_at(path: Path) -> Importable:
    """One file or folder. Raises FileNotFoundError."""
    kind, model = _kind_of(path), ""
    try:
        model = name_of(path).display
        obstacle = _obstacle(path, kind)
    except InferenceError as error:
        obstacle = error.message
    except OSError as error:
        obstacle = f"{path.name} cannot be read: {error.strerror}"
    size = 0 if path.is_symlink() else bytes_under(path) if path.is_dir() else path.stat().st_size
    return Importable(path.name, f"file:{path.name}", model, kind, size, obstacle)


def _kind_of(path: Path) -> str:
    if path.is_symlink():
        return "other"
    if path.is_dir():
        if holds_encoder(path):
            return "encoder"
        return "openvino" if (path / "openvino_model.xml").exists() else "other"
    return "gguf" if path.name.lower().endswith(".gguf") else "other"


def _obstacle(path: Path, kind: str) -> str:
    if path.is_symlink():
        return "links are not followed; put the file itself here"
    model_files(path)  # raises Refused for what is not complete
    if kind == "gguf":
        with path.open("rb") as file:
            if file.read(len(_GGUF_MAGIC)) != _GGUF_MAGIC:
                raise Refused(f"{path.name} is not a GGUF file")
        return describe_gguf(path).reason or ""
    if kind == "openvino":
        read_facts(path)
    return ""
