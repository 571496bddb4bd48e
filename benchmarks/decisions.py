"""`python -m benchmarks.decisions`: what deciding costs a request before any engine is asked.

The routing decision alone, with the gathering of its facts, the whole plan, and the counting of
2,000 tokens. docs/routing.md says what is decided.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path

from benchmarks.starter_file import fetch_starter
from inference import environment


def main() -> None:
    """Prints a line for each figure."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--repeats", type=int, default=2000, help="calls of each decision")
    options.add_argument("--tokenizer", type=Path, help="folder with the starter's tokenizer.json")
    chosen = options.parse_args()
    installed = sorted(environment.models_folder().glob("installed/*/tokenizer.json"))
    with tempfile.TemporaryDirectory(prefix="npuconsole-decisions-") as name:
        _set_django_up(Path(name))
        from benchmarks import decision_costs

        if chosen.tokenizer is not None:
            folder = chosen.tokenizer
        else:
            folder = installed[0].parent if installed else _make_tokenizer(Path(name))
        for figure in decision_costs.decisions(folder, chosen.repeats):
            print(figure)
        for figure in asyncio.run(decision_costs.counting(folder, max(5, chosen.repeats // 40))):
            print(figure)


def _set_django_up(home: Path) -> None:
    """On a data folder of this run's own: the appliance's is left alone."""
    os.environ["NPUCONSOLE_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    environment.reload()
    import django

    django.setup()


def _make_tokenizer(folder: Path) -> Path:
    """The starter's tokenizer from its file, where no model is installed."""
    from inference.catalog.gguf.metadata import read_metadata
    from inference.catalog.gguf.tokenizer import build_tokenizer

    made = build_tokenizer(read_metadata(fetch_starter(folder)))
    text = json.dumps(made.description, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
