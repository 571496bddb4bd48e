"""A daphne with our bounds and an application that sends as fast as it may; run as a script.

`/flood` sends frames for ever, `/ping` answers at once, `/stats` tells what became of the floods.
"""

from __future__ import annotations

import daphne.server  # isort: skip -- installs the reactor

import asyncio
import json
import os
import sys
from typing import Any

from apis import backpressure

FRAME = b'{"message":{"content":"' + b"x" * 400 + b'"}}\n'

stats = {"sent_bytes": 0, "cancelled": 0}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The three paths."""
    if scope["path"] == "/flood":
        await flood(receive, send)
        return
    body = b"pong" if scope["path"] == "/ping" else json.dumps(stats).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def flood(receive: Any, send: Any) -> None:
    task = asyncio.current_task()
    assert task is not None
    await receive()
    watch = asyncio.ensure_future(receive())
    watch.add_done_callback(lambda _: task.cancel())
    try:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": FRAME, "more_body": True})
            stats["sent_bytes"] += len(FRAME)
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        stats["cancelled"] += 1


def main() -> None:
    """Arguments: whether to install the bounds, and the seconds after which a reader is cut."""
    if sys.argv[1] == "bounded":
        backpressure.STALL_SECONDS = float(sys.argv[2])
        backpressure.install()
    server = daphne.server.Server(
        application,
        endpoints=["tcp:port=0:interface=127.0.0.1:backlog=256"],
        verbosity=0,
        ready_callable=lambda: daphne.server.twisted_loop.call_soon(
            lambda: print(f"{os.getpid()} {server.listening_addresses[0][1]}", flush=True)
        ),
    )
    server.run()


if __name__ == "__main__":
    main()
