"""The child process of an import: `python -m inference.catalog.encoders SOURCE TARGET`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inference.catalog.encoders.importing import import_encoder
from inference.catalog.import_child import run_import


def main(arguments: list[str]) -> int:
    """Run one import of the encoder in the folder SOURCE; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.catalog.encoders")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args(arguments)
    return run_import(lambda report: import_encoder(options.source, options.target, report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
