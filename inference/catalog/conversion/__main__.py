"""The child process of a conversion: `python -m inference.catalog.conversion SOURCE TARGET`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from inference.catalog.conversion.exporting import convert_folder
from inference.catalog.import_child import ImportRefused, Report, refuse, run_import
from inference.catalog.memory_guard import guard_memory


def main(arguments: list[str]) -> int:
    """Run one conversion; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.catalog.conversion")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--memory", type=int, default=0, help="bytes that may be held; 0: any")
    options = parser.parse_args(arguments)
    if options.memory:
        guard_memory(options.memory, refuse)
    return run_import(lambda report: convert(options.source, options.target, report))


def convert(source: Path, target: Path, report: Report) -> dict[str, Any]:
    """`convert_folder`, whose libraries may not fit each other: one of torch's companions that was
    built for another torch is enough. Raises ImportRefused for that too."""
    try:
        return convert_folder(source, target, report)
    except ImportError as error:
        logging.getLogger(__name__).exception("the libraries of the extra convert")
        raise ImportRefused(
            "The libraries of the extra 'convert' do not work together here; install it again "
            "with: npuconsole extra convert"
        ) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
