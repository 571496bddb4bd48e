"""`install.json`: what a finished variant says about itself, so that it can be checked and found
again without the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inference.catalog.facts import read_facts
from inference.catalog.integrity import content_digest, hash_file
from inference.catalog.names import ModelName, same_model
from inference.catalog.sources import MANIFEST_NAME, SourceFile
from inference.catalog.stopping import Stop


@dataclass(frozen=True, slots=True)
class Installed:
    """A finished variant. `digest` covers names and contents of every file but the manifest."""

    name: str
    folder: Path
    digest: str
    weight_format: str
    size_bytes: int
    source: str
    source_files: tuple[SourceFile, ...]
    facts: Mapping[str, Any]


def write_manifest(
    folder: Path,
    name: ModelName,
    source: str,
    source_files: tuple[SourceFile, ...],
    stop: Stop,
    known: Mapping[str, str] = MappingProxyType({}),
) -> Installed:
    """Hash what lies in `folder`, write the manifest beside it, return what it says. `known` are
    the sha256 of files that were hashed a moment ago."""
    paths = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST_NAME
    }
    hashes = {name: known.get(name) or hash_file(path, stop) for name, path in paths.items()}
    facts = read_facts(folder)
    installed = Installed(
        name=name.display,
        folder=folder,
        digest=content_digest(hashes),
        weight_format=str(facts["weight_format"]),
        size_bytes=sum(path.stat().st_size for path in paths.values()),
        source=source,
        source_files=source_files,
        facts=facts,
    )
    content = {
        "name": installed.name,
        "digest": installed.digest,
        "weight_format": installed.weight_format,
        "size_bytes": installed.size_bytes,
        "source": source,
        "source_files": [
            {key: value for key, value in asdict(file).items() if value != ""}
            for file in source_files
        ],
        "files": {
            name: {"size_bytes": path.stat().st_size, "sha256": hashes[name]}
            for name, path in paths.items()
        },
    }
    text = json.dumps(content, indent=2) + "\n"
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8", newline="\n")
    return installed


def read_manifest(folder: Path) -> Installed | None:
    """What lies in `folder` if it is complete by its own account (names and sizes), else None."""
    try:
        content = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        for file_name, listed in content["files"].items():
            if (folder / file_name).stat().st_size != listed["size_bytes"]:
                return None
        return Installed(
            name=content["name"],
            folder=folder,
            digest=content["digest"],
            weight_format=content["weight_format"],
            size_bytes=content["size_bytes"],
            source=content["source"],
            source_files=tuple(SourceFile(**item) for item in content["source_files"]),
            facts=read_facts(folder),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_intact(installed: Installed, stop: Stop) -> bool:
    """Whether the contents still have the digest. Reads every byte."""
    try:
        names = json.loads((installed.folder / MANIFEST_NAME).read_text(encoding="utf-8"))["files"]
        hashes = {name: hash_file(installed.folder / name, stop) for name in names}
    except (OSError, ValueError, KeyError):
        return False
    return content_digest(hashes) == installed.digest


def is_of(installed: Installed, name: ModelName) -> bool:
    """Whether a folder that looks like the model's really is."""
    return same_model(installed.name, name)
