"""The child process of a recompression.

`python -m inference.catalog.recompression SOURCE TARGET --to npu`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inference.catalog.import_child import refuse, run_import
from inference.catalog.memory_guard import guard_memory
from inference.catalog.recompression.compressing import recompress
from inference.catalog.recompression.targets import Target


def main(arguments: list[str]) -> int:
    """Run one recompression; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.catalog.recompression")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--to", choices=list(Target), type=Target, required=True)
    parser.add_argument("--force", action="store_true", help="publish whatever quality is lost")
    parser.add_argument("--memory", type=int, default=0, help="bytes that may be held; 0: any")
    options = parser.parse_args(arguments)
    if options.memory:
        guard_memory(options.memory, refuse)
    return run_import(
        lambda report: recompress(
            options.source, options.target, options.to, report, is_forced=options.force
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
