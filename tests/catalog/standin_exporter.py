"""In the place of a conversion's child, whose libraries are gigabytes: speaks like it, and does
what `standin.json` beside the safetensors says. Everything around the child is real."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from inference.catalog.facts import read_facts
from inference.catalog.import_child import (
    ImportRefused,
    Report,
    published_folder,
    refuse,
    run_import,
)
from inference.catalog.memory_guard import guard_memory


def export(source: Path, target: Path, report: Report) -> dict[str, Any]:
    wanted = (source / "standin.json").read_text()
    report("converting the graph", 0.5)
    if wanted == "hang":
        time.sleep(60)
    if wanted == "grow":
        held = []
        while True:
            held.append(bytes(range(256)) * 40_000)
            time.sleep(0.005)
    if wanted == "refuse":
        raise ImportRefused("The converted tokenizer is not the model's.")
    with published_folder(target) as work:
        shutil.copytree(wanted, work, dirs_exist_ok=True)
        (work / "install.json").unlink(missing_ok=True)
    return read_facts(target)


if __name__ == "__main__":
    guard_memory(int(sys.argv[sys.argv.index("--memory") + 1]), refuse)
    sys.exit(run_import(lambda report: export(Path(sys.argv[1]), Path(sys.argv[2]), report)))
