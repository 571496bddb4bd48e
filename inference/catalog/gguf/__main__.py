"""The child process of an import: `python -m inference.catalog.gguf SOURCE TARGET`."""

import argparse
import sys
from pathlib import Path

from inference.catalog.gguf.importing import WEIGHT_FORMATS, import_gguf
from inference.catalog.import_child import run_import


def main(arguments: list[str]) -> int:
    """Run one import; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.catalog.gguf")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--weights", choices=WEIGHT_FORMATS, help="default: by size")
    options = parser.parse_args(arguments)
    return run_import(
        lambda report: import_gguf(options.source, options.target, options.weights, report)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
