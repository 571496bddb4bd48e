"""The child process of a conversion: `python -m inference.catalog.conversion SOURCE TARGET`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inference.catalog.conversion.exporting import convert_folder
from inference.catalog.import_child import refuse, run_import
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
    return run_import(lambda report: convert_folder(options.source, options.target, report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
