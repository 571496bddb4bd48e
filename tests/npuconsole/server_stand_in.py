"""A fake of the server that has a data folder, for commands that ask it instead of doing what would
take minutes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from filelock import FileLock

from npuconsole.announcement import announce


class ServerStandIn(BaseHTTPRequestHandler):
    """A fake says in `get` and `post` what the lines of its answers are, each a JSON value."""

    def get(self, path: str) -> Iterable[Any]:
        """The lines for a GET."""
        raise NotImplementedError

    def post(self, path: str, body: Any) -> Iterable[Any]:
        """The lines for what was posted; each is sent when it comes."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self._answer(self.get(self.path))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.post(self.path, body))

    def _answer(self, lines: Iterable[Any]) -> None:
        self.send_response(200)
        self.end_headers()
        for line in lines:
            self.wfile.write(json.dumps(line).encode() + b"\n")

    def log_message(self, *args: Any) -> None:
        """Not in the tests' output."""


@contextmanager
def busy_folder(home: Path, handler: type[ServerStandIn]) -> Iterator[Path]:
    """Make that data folder one whose lock a server holds that says where it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home.mkdir()
    announce(home, f"http://127.0.0.1:{server.server_port}")
    with FileLock(home / "lock"):
        yield home
    server.shutdown()
    server.server_close()
