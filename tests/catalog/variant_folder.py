"""Finished variants without a model in them, for what only looks at files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from inference.catalog.folders import ModelsFolder
from inference.catalog.manifest import Installed, write_manifest
from inference.catalog.names import parse_name
from inference.catalog.stopping import Stop

FACTS = {"architecture": "llama", "weight_format": "int8", "quantization": "int8"}
FILES = {
    "facts.json": json.dumps(FACTS).encode(),
    "openvino_model.bin": b"weights " * 1000,
    "openvino_model.xml": b"<net/>",
}


def write_variant(
    models: ModelsFolder, name: str = "tiny", files: Mapping[str, bytes] = FILES
) -> Installed:
    """An installed variant with those files, in its place."""
    models.create()
    work = models.new_work_folder()
    for file, content in files.items():
        (work / file).write_bytes(content)
    made = write_manifest(work, parse_name(name), "file:tiny", (), Stop())
    place: Path = models.variant_folder(parse_name(name), made.weight_format, made.digest)
    shutil.move(work, place)
    return replace(made, folder=place)
