"""Runs another module in a child process that cannot outlive the server.

`python -m inference.catalog.leash MODULE ARGUMENT…` runs MODULE as if it were started with `-m`.
The server holds the other end of standard input and never writes to it: when it closes, the server
is gone, even if it was killed, and the child ends at once. This works on every system, unlike
process groups and parent-death signals.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading

_NICENESS = 5
_EXIT_ORPHANED = 3


def _end_with_server() -> None:
    # os.read and not sys.stdin: a daemon thread inside the buffered reader holds its lock, and the
    # interpreter aborts when it cannot take that lock at its own end.
    while os.read(0, 64):
        pass
    os._exit(_EXIT_ORPHANED)


def main() -> None:
    """Start the watch, step back behind the engines, run the module."""
    threading.Thread(target=_end_with_server, daemon=True).start()
    if hasattr(os, "nice"):  # on Windows the priority is set by whoever starts the process
        os.nice(_NICENESS)
    module = sys.argv[1]
    del sys.argv[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
