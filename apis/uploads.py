"""Request bodies that are files: their routes take them piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from apis.faults import BodyTooLarge
from apis.limits import MAX_BLOB_BYTES, MAX_BODY_BYTES

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

UPLOADS = "/api/blobs/"


class ClientGone(Exception):
    """The client closed the connection before it had sent all of its request."""


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
