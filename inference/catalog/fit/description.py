"""What a model says about itself without its weights: a list of files and a few small texts.

`sources.hub` fetches it from a hub; `describe_path` reads the same from this machine's disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

TEXTS = ("config.json", "openvino_config.json", "generation_config.json")
"""The small files that are read."""
GRAPH = "openvino_model.xml"
TAIL_BYTES = 64 * 1024
"""Of the graph's end, where the notes of its compression are."""
_LARGEST_TEXT = 4 * 2**20


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file by name (relative, with forward slashes) and size; its contents are elsewhere."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Description:
    """`name` is the repository's, folder's or file's own name, which tells something when nothing
    else does; `texts` go by file name; `facts` are what an importer of ours wrote, or what a GGUF
    file's header says, in the words of `catalog.gguf.folder`."""

    name: str
    files: tuple[ListedFile, ...]
    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    graph_tail: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def config(self) -> Mapping[str, Any]:
        """config.json, empty if there is none."""
        return self.texts.get("config.json", {})


def describe_path(path: Path) -> Description:
    """The description of a folder or a .gguf file on this machine. Reads no weights; blocks for
    milliseconds. Raises OSError."""
    if path.is_file():
        return Description(
            path.name, (ListedFile(path.name, path.stat().st_size),), facts=_gguf_facts(path)
        )
    files = tuple(
        ListedFile(child.relative_to(path).as_posix(), child.stat().st_size)
        for child in sorted(path.rglob("*"))
        if child.is_file()
    )
    texts = {name: text for name in TEXTS if (text := _read_object(path / name))}
    tail = ""
    if (graph := path / GRAPH).is_file():
        with graph.open("rb") as file:
            file.seek(max(0, graph.stat().st_size - TAIL_BYTES))
            tail = file.read().decode("utf-8", "replace")
    return Description(path.name, files, texts, tail, _read_object(path / "facts.json"))


def _read_object(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _gguf_facts(path: Path) -> dict[str, Any]:
    """What the header says; empty when it cannot be read, which the import will say better."""
    from inference.catalog.gguf.description import describe, quantization_of
    from inference.catalog.gguf.errors import GgufError
    from inference.catalog.gguf.metadata import read_metadata

    try:
        metadata = read_metadata(path)
        told = describe(metadata)
        heads = metadata.of_model("attention.head_count")
        return {
            "architecture": metadata.architecture,
            "parameter_count": metadata.parameter_count,
            "context_length": told.served_context_length or told.context_length,
            "embedding_length": metadata.of_model("embedding_length"),
            "block_count": metadata.of_model("block_count"),
            "head_count": heads,
            "head_count_kv": metadata.of_model("attention.head_count_kv") or heads,
            "head_size": metadata.of_model("attention.key_length"),
            "sliding_window": metadata.of_model("attention.sliding_window"),
            "quantization": quantization_of(metadata),
            "refusal": told.reason or "",
        }
    except (GgufError, OSError):
        return {}
