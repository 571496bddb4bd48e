"""Static files as an ASGI application in front of Django: no session, no thread of their own.

WhiteNoise knows the files, their types and the caching rules; it asks Django's finders where they
are. Nothing is copied at start, so nothing can be stale after an update; the table of about four
hundred files takes some 30 ms, collecting them a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from wsgiref.headers import Headers

from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_ASKED_ABOUT = {
    b"if-none-match": "HTTP_IF_NONE_MATCH",
    b"if-modified-since": "HTTP_IF_MODIFIED_SINCE",
    b"range": "HTTP_RANGE",
    b"accept-encoding": "HTTP_ACCEPT_ENCODING",
}


def _add_headers(headers: Headers, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


class Assets:
    """The table of files by URL. Building it reads the folders of all installed apps."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        finder = WhiteNoiseMiddleware(None)
        finder.add_headers_function = _add_headers
        finder.allow_all_origins = False
        finder.add_files_from_finders()
        self._files: dict[str, StaticFile] = finder.files

    async def __call__(self, scope: Scope, receive: object, send: Send) -> None:
        file = self._files.get(scope["path"])
        if file is None:
            await _answer(send, 404, [(b"content-type", b"text/plain")], b"Not found\n")
            return
        asked = {
            _ASKED_ABOUT[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _ASKED_ABOUT
        }
        status, headers, body = await asyncio.to_thread(_read, file, scope["method"], asked)
        await _answer(send, status, headers, body)


def _read(
    file: StaticFile, method: str, asked: dict[str, str]
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    response = file.get_response(method, asked)
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
    if response.file is None:
        return int(response.status), headers, b""
    with response.file:
        return int(response.status), headers, response.file.read()


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
