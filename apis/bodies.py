"""Request bodies: read up to a cap, decoded once, whatever the Content-Type says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.http import HttpRequest
from ninja.parser import Parser

from apis.limits import MAX_BODY_BYTES

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):
    """The client closed the connection before it had sent all of its request."""


class BodyTooLarge(Exception):
    """The body is over the cap. All of it was read, so that the connection stays usable."""


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises ClientGone or BodyTooLarge."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= MAX_BODY_BYTES:
            pieces.append(piece)
        else:
            pieces.clear()
        if not message.get("more_body", False):
            break
    if size > MAX_BODY_BYTES:
        raise BodyTooLarge
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class JsonParser(Parser):
    """Ninja's door to the body: JSON by orjson, 0.8 ms a megabyte. A thread would free nobody:
    orjson holds the interpreter's lock (measured: others wait as long, the request longer)."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The decoded body. Raises ValueError with the parser's words."""
        return orjson.loads(request.body)
