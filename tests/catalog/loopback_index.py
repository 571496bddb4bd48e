"""A package index on loopback that serves one wheel to the real pip."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DISTRIBUTION, VERSION, FOLDER = "weights-for-tests", "1.2.3", "weights_for_tests"
FILE_NAME = "weights_for_tests-1.2.3-py3-none-any.whl"


def make_wheel(files: dict[str, bytes]) -> bytes:
    """A wheel with these files in FOLDER, and a dependency that nobody can have."""
    info = "weights_for_tests-1.2.3.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {VERSION}\n"
        "Requires-Dist: there-is-no-such-package-anywhere\n"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            wheel.writestr(f"{FOLDER}/{name}", content)
        wheel.writestr("weights_for_tests/__init__.py", "raise SystemExit('must never run')")
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


class LoopbackIndex:
    """Serves `wheel` until `close`. `served` counts downloads of it."""

    def __init__(self, wheel: bytes) -> None:
        self.wheel = wheel
        self.served = 0
        index = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                if self.path == f"/simple/{DISTRIBUTION}/":
                    body, kind = f'<a href="/{FILE_NAME}">{FILE_NAME}</a>'.encode(), "text/html"
                elif self.path.startswith(f"/{FILE_NAME}"):
                    body, kind = index.wheel, "application/octet-stream"
                    index.served += 1
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/simple"

    @property
    def wheel_sha256(self) -> str:
        return hashlib.sha256(self.wheel).hexdigest()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
