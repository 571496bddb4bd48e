"""A small hub on loopback that speaks enough of the hub's HTTP for the unmodified client: model
info with LFS hashes, resolve with a redirect to a content store, ranges, small files that only have
a git hash and are answered at once; and that can misbehave."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "1" * 40
TOKEN = "hf_test"
"""What opens gated repositories."""

PLAIN_SUFFIXES = frozenset({".json", ".txt", ".jinja"})
"""Files that are not in the content store."""


@dataclass
class Misbehaviour:
    """What the hub does wrong. `drops` are byte counts after which a download breaks off, used up
    one by one; `status` answers everything with that code; `refusals` are codes for the next files
    asked for, used up likewise; `is_gated` wants a token; `is_silent` answers nothing at all."""

    flips_a_bit: bool = False
    tells_wrong_git_hashes: bool = False
    drops: list[int] = field(default_factory=list)
    status: int = 0
    is_silent: bool = False
    refusals: list[int] = field(default_factory=list)
    is_gated: bool = False
    bytes_per_second: int = 0


class LoopbackHub:
    """Serves `files` (repository name -> folder) until `close`."""

    def __init__(self, repositories: dict[str, Path]) -> None:
        self.repositories = repositories
        self.misbehaviour = Misbehaviour()
        self.requests: list[str] = []
        self._hashes: dict[Path, str] = {}
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def store_url(self) -> str:
        """Another host than the hub's, as in life: clients treat redirects within the hub apart."""
        return f"http://localhost:{self._server.server_address[1]}"

    def sha256_of(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: clients are killed in the middle of answers."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_hub: LoopbackHub

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, wrong = self.server_hub, self.server_hub.misbehaviour
        path = unquote(urlsplit(self.path).path)
        hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if wrong.is_silent:
            time.sleep(60)
        if wrong.refusals and "/resolve/" in path:
            self._answer(wrong.refusals.pop(0), b"{}")
            return
        if wrong.status:
            self._answer(wrong.status, b"{}")
            return
        if path == "/api/models":
            self._search(parse_qs(urlsplit(self.path).query).get("search", [""])[0])
            return
        if wrong.is_gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            if not path.startswith("/store/"):
                self._answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
                return
        elif wrong.is_gated and path.startswith("/store/"):
            self._answer(400, b"{}")  # a token is not for other hosts
            return
        for repository, folder in hub.repositories.items():
            if re.fullmatch(rf"/api/models/{re.escape(repository)}(/revision/[^/]+)?", path):
                self._info(repository, folder)
                return
            if re.fullmatch(rf"/api/models/{re.escape(repository)}/tree/[^/]+", path):
                self._tree(folder)
                return
            if match := re.fullmatch(rf"/{re.escape(repository)}/resolve/[^/]+/(.+)", path):
                self._resolve(repository, folder / match[1], match[1])
                return
            if match := re.fullmatch(rf"/store/{re.escape(repository)}/(.+)", path):
                self._content(folder / match[1])
                return
        self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _search(self, text: str) -> None:
        found = [
            {"_id": "0", "id": name, "modelId": name, "downloads": 7, "likes": 2, "tags": []}
            for name in self.server_hub.repositories
            if text.lower() in name.lower()
        ]
        self._answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})

    def _info(self, repository: str, folder: Path) -> None:
        siblings = [
            self._sibling(path, path.relative_to(folder).as_posix())
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        body = {
            "_id": "0",
            "id": repository,
            "modelId": repository,
            "sha": COMMIT,
            "siblings": siblings,
        }
        self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _tree(self, folder: Path) -> None:
        listed = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            found = self._sibling(path, path.relative_to(folder).as_posix())
            entry = {"type": "file", "path": found["rfilename"], "size": found["size"]}
            lfs = found.get("lfs")
            if isinstance(lfs, dict):
                entry["lfs"] = {"oid": lfs["sha256"], **lfs}
            listed.append({**entry, "oid": found["blobId"]})
        self._answer(200, json.dumps(listed).encode(), {"Content-Type": "application/json"})

    def _sibling(self, path: Path, name: str) -> dict[str, object]:
        size = path.stat().st_size
        if path.suffix in PLAIN_SUFFIXES:
            wrong = self.server_hub.misbehaviour.tells_wrong_git_hashes
            return {"rfilename": name, "size": size, "blobId": "0" * 40 if wrong else _blob(path)}
        lfs = {"sha256": self.server_hub.sha256_of(path), "size": size, "pointerSize": 134}
        return {"rfilename": name, "size": size, "blobId": "0" * 40, "lfs": lfs}

    def _resolve(self, repository: str, path: Path, name: str) -> None:
        if not path.is_file():
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if path.suffix in PLAIN_SUFFIXES:
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_blob(path)}"'}
            self._answer(200, path.read_bytes(), headers)
            return
        etag = self.server_hub.sha256_of(path)
        self._answer(
            302,
            b"",
            {
                "Location": f"{self.server_hub.store_url}/store/{repository}/{name}",
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{etag}"',
                "X-Linked-Size": str(path.stat().st_size),
            },
        )

    def _content(self, path: Path) -> None:
        wrong = self.server_hub.misbehaviour
        content = path.read_bytes()
        if wrong.flips_a_bit:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        total, status, headers = len(content), 200, {"Accept-Ranges": "bytes"}
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(match[1]), int(match[2] or total - 1)
            content, status = content[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{last}/{total}"
        if self.command == "GET" and wrong.drops:
            cut = wrong.drops.pop(0)
            self._head(status, len(content), headers)
            self.wfile.write(content[:cut])
            self.close_connection = True
            return
        self._answer(status, content, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(body), headers or {})
        if self.command == "HEAD":
            return
        pace = self.server_hub.misbehaviour.bytes_per_second
        step = max(1, pace // 10) if pace else len(body) or 1
        for start in range(0, len(body), step):
            try:
                self.wfile.write(body[start : start + step])
            except OSError:
                self.close_connection = True
                return
            if pace:
                time.sleep(0.1)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def _blob(path: Path) -> str:
    """Git's hash of the contents."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def asking(hub: LoopbackHub, folder: Path) -> dict[str, str]:
    """The variables with which a server asks that hub, its client's own files below `folder`."""
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf-home")}
