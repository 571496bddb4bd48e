"""How the children that make a model's folder write its facts.json (`facts` reads it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openvino as ov


def write_facts(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write `facts`, with the size of what is in `folder` so far and this OpenVINO's version, and
    return them. The last file of all."""
    written = {
        **facts,
        "size_bytes": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        "openvino_version": ov.get_version(),
    }
    text = json.dumps(written, ensure_ascii=False, indent=2)
    (folder / "facts.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    return written
