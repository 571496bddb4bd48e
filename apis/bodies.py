"""Request bodies: read and unpacked up to a cap, decoded once, whatever the Content-Type says."""

from __future__ import annotations

from typing import Any, cast

import orjson
from django.http import HttpRequest
from ninja.parser import Parser

from apis.calls import ApiRequest
from apis.faults import BodyTooLarge
from apis.limits import MAX_BODY_BYTES
from apis.uploads import ClientGone, Receive

UNREADABLE = b"\0"
"""Stands for a body that could not be had; `Call.body_problem` says why."""


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


class JsonParser(Parser):
    """Ninja's door to the body: JSON by orjson, 0.8 ms a megabyte. A thread would free nobody:
    orjson holds the interpreter's lock (measured: others wait as long, the request longer)."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The decoded body. Raises ValueError with the parser's words, and InvalidRequest for one
        that could not be had at all: here the family is known in whose words it is told."""
        if problem := cast(ApiRequest, request).call.body_problem:
            raise problem
        return orjson.loads(request.body)
