"""What the server says to a child on its standard input: orders, one JSON list of texts a line. Its
end is the server's end, even if it was killed, and then the child ends at once. This works on every
system, unlike process groups and parent-death signals.
"""

from __future__ import annotations

import json
import os
import queue
import threading

_EXIT_ORPHANED = 3

_orders: queue.SimpleQueue[list[str]] = queue.SimpleQueue()


def listen() -> None:
    """Begin to; once, before anything else is done. Returns at once."""
    threading.Thread(target=_read, daemon=True).start()


def next_order(seconds: float) -> list[str] | None:
    """The next one; None when none comes within that time."""
    try:
        return _orders.get(timeout=seconds)
    except queue.Empty:
        return None


def _read() -> None:
    # os.read and not sys.stdin: a daemon thread inside the buffered reader holds its lock, and the
    # interpreter aborts when it cannot take that lock at its own end.
    rest = b""
    while piece := os.read(0, 1 << 16):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            _orders.put(json.loads(line))
    os._exit(_EXIT_ORPHANED)
