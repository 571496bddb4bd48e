"""Request bodies: read and unpacked up to a cap, decoded once, whatever the Content-Type says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, cast

import orjson
from django.http import HttpRequest
from ninja.parser import Parser

from apis.faults import BodyTooLarge
from apis.limits import MAX_BLOB_BYTES, MAX_BODY_BYTES

if TYPE_CHECKING:
    from apis.calls import ApiRequest  # which itself knows uploads

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

UNREADABLE = b"\0"
"""Stands for a body that could not be had; `Call.body_problem` says why."""

UPLOADS = "/api/blobs/"


class ClientGone(Exception):
    """The client closed the connection before it had sent all of its request."""


async def read_body(receive: Receive) -> bytes:
    """The whole body, packed as it was sent. Raises ClientGone; or BodyTooLarge after all of it was
    read, so that the connection stays usable."""
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
        raise BodyTooLarge(MAX_BODY_BYTES)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Upload:
    """A body that its route takes piece by piece, because it is a file of any size."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_whole = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ClientGone, and BodyTooLarge over its cap."""
        size = 0
        while not self._is_whole:
            piece = await self._next()
            size += len(piece)
            if size > MAX_BLOB_BYTES:
                raise BodyTooLarge(MAX_BLOB_BYTES)
            yield piece

    async def drain(self) -> None:
        """Read what nobody wants, so that the connection stays usable; of much of it only a part,
        and the answer then ends the connection. Raises ClientGone."""
        size = 0
        while not self._is_whole and size <= MAX_BODY_BYTES:
            size += len(await self._next())

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._is_whole = not message.get("more_body", False)
        return bytes(message.get("body", b""))


def is_upload(method: str, path: str) -> bool:
    """Whether that is a request whose body is a file."""
    return method.upper() == "POST" and path.startswith(UPLOADS)


class JsonParser(Parser):
    """Ninja's door to the body: JSON by orjson, 0.8 ms a megabyte. A thread would free nobody:
    orjson holds the interpreter's lock (measured: others wait as long, the request longer)."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The decoded body. Raises ValueError with the parser's words, and InvalidRequest for one
        that could not be had at all: here the family is known in whose words it is told."""
        if problem := cast("ApiRequest", request).call.body_problem:
            raise problem
        return orjson.loads(request.body)
