"""Runs another module in a child process that cannot outlive the server.

`python -m inference.catalog.leash MODULE ARGUMENT…` runs MODULE as if it were started with `-m`.
The server holds the other end of standard input; when it closes, the child ends (`orders`).
"""

from __future__ import annotations

import os
import runpy
import sys

from inference.catalog import orders

_NICENESS = 5


def main() -> None:
    """Start the watch, step back behind the engines, run the module."""
    orders.listen()
    if hasattr(os, "nice"):  # on Windows the priority is set by whoever starts the process
        os.nice(_NICENESS)
    module = sys.argv[1]
    del sys.argv[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
