"""Bounds for one connection that daphne does not have: what waits to go out, and what comes in.

daphne writes whatever the application sends into the transport's buffer. A reader that stops
reading made the server grow by 4 MB a second. Here the ASGI `send` waits
while that buffer is full, so the application stops taking tokens; a reader that takes nothing for a
minute is cut, which the application sees as a disconnect.

Workaround for daphne 4.2 on Twisted 26: `install` puts `BoundedRequest` in the place of daphne's
request class and lets its `handle_reply` wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import logging
import socket
from collections.abc import MutableMapping
from typing import Any

import daphne.http_protocol
import daphne.server
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from apis.inflow import Inflow
from apis.limits import MAX_BODY_BYTES
from apis.uploads import is_upload
from inference.requests import new_request_id

log = logging.getLogger(__name__)

STALL_SECONDS = 60.0
"""A reader that takes nothing for this long is cut."""

SEND_BUFFER_BYTES = 128 * 2**10
"""What the operating system may hold for one connection. Left to itself it grows to megabytes, and
a stalled reader is noticed only after all of that."""


@implementer(IPushProducer)
class Outflow:
    """Whether more may be sent on a connection. Told by the transport when its buffer is full
    (64 kB) and when it is empty again; cuts the connection when nothing left it for a while."""

    def __init__(self, request: BoundedRequest, *, is_open: bool) -> None:
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._left_before: tuple[int, int] = (0, 0)
        if not is_open:
            self.pauseProducing()

    async def until_open(self) -> None:
        """Wait while the buffer is full; the end of the connection ends the wait."""
        if self._opened is not None:
            await asyncio.shield(self._opened)

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        """The buffer is full."""
        if self._opened is None:
            self._opened = self._loop.create_future()
            self._watch()

    def resumeProducing(self) -> None:  # noqa: N802
        """The buffer is empty."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._opened is not None:
            self._opened.set_result(None)
            self._opened = None

    stopProducing = resumeProducing  # noqa: N815 -- the connection is gone: nobody waits any more

    def _watch(self) -> None:
        self._left_before = self._request.unsent()
        self._timer = self._loop.call_later(STALL_SECONDS, self._check)

    def _check(self) -> None:
        if self._request.unsent() == self._left_before:
            log.info("a reader took nothing for %g s and is cut", STALL_SECONDS)
            self._request.cut()
        else:
            self._watch()


class BoundedRequest(daphne.http_protocol.WebRequest):  # type: ignore[misc]
    """daphne's request with bounds. `until_open` is for whoever sends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._outflow: Outflow | None = None
        self._received_bytes = 0
        self._is_whole = False
        self.inflow: Inflow | None = None
        super().__init__(*args, **kwargs)
        # JSON sent as a form (curl -d) would be parsed as one, for nothing.
        self._parsePOSTFormSubmission = False

    async def until_open(self) -> None:
        """Wait until more may be sent."""
        if self._outflow is not None:
            await self._outflow.until_open()

    def unsent(self) -> tuple[int, int]:
        """Changes whenever the operating system has taken something from the transport's buffer."""
        transport = self.channel.transport if self.channel else None
        return len(getattr(transport, "dataBuffer", b"")), getattr(transport, "offset", 0)

    def cut(self) -> None:
        """End the connection at once, with whatever is unsent."""
        if self.channel is not None:
            self.channel.transport.abortConnection()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """A piece of the body. Of one over the cap only so much is kept that the reader can tell:
        the rest is read and dropped, so that the client gets an answer and keeps its connection."""
        if self.inflow is not None:
            self.inflow.feed(data)
            return
        room = MAX_BODY_BYTES + 1 - self._received_bytes
        self._received_bytes += len(data)
        if room > 0:
            super().handleContentChunk(data[:room])

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        """All headers are here. A file's application starts now and takes the body as it comes."""
        command, path, version = self._line
        if not is_upload(command.decode("latin-1"), path.decode("latin-1")):
            super().gotLength(length)
            return
        self.inflow = Inflow(self.channel._networkProducer)
        self.content = io.BytesIO()
        super().requestReceived(command, path, version)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        """The body is here too."""
        if self.inflow is not None:
            self.inflow.end()
        else:
            super().requestReceived(command, path, version)

    @property
    def _line(self) -> tuple[bytes, bytes, bytes]:
        """The request's first line, which Twisted hands over only with the whole body."""
        return self.channel._command, self.channel._path, self.channel._version

    def process(self) -> Any:
        """All of the request is here."""
        self._is_whole = True
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """daphne's own refusals (a bad header, a bad path), in our form."""
        request_id = new_request_id()
        log.info("%s %d %s", request_id, status, body)
        self.handle_reply(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"Content-Type", b"text/plain; charset=utf-8"),
                    (b"X-Request-ID", request_id.encode()),
                ],
            }
        )
        self.handle_reply({"type": "http.response.body", "body": f"{status} {body}".encode()})

    def handle_reply(self, message: MutableMapping[str, Any]) -> None:
        """What the application sends; the outflow is watched while it sends."""
        starts = message["type"] == "http.response.start"
        ends = message["type"] == "http.response.body" and not message.get("more_body", False)
        if starts and self._outflow is None and self.channel is not None and not self.finished:
            self._watch_outflow()
        if ends:
            self._forget_outflow()
        super().handle_reply(message)

    def finish(self) -> None:
        """The answer is complete. A connection that ends with it may not wait for ever for a reader
        that takes nothing; one that goes on has Twisted's idle time-out."""
        self._forget_outflow()
        channel = self.channel
        if channel is not None and self.inflow is not None and not self.inflow.is_whole:
            channel.persistent = False  # the rest of the body would be taken for a request
        super().finish()
        if channel is not None and not channel.persistent:
            channel.setTimeout(STALL_SECONDS)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """The client is gone. Of a request that never became whole this is the only trace."""
        if not self._is_whole:
            log.info(
                "%s the connection ended before its request was complete (%d bytes of body)",
                new_request_id(),
                self._received_bytes,
            )
        if self._outflow is not None:
            self._outflow.stopProducing()
            self._outflow = None
        super().connectionLost(reason)

    def _watch_outflow(self) -> None:
        handle = getattr(self.channel.transport, "getHandle", lambda: None)()
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        # An earlier answer on this connection may still be waiting to leave.
        self._outflow = Outflow(self, is_open=not self.channel._waitingForTransport)
        self.registerProducer(self._outflow, True)

    def _forget_outflow(self) -> None:
        if self._outflow is not None:
            self._outflow.stopProducing()
            self._outflow = None
            if self.channel is not None:
                self.unregisterProducer()


async def _reply_and_wait(server: Any, protocol: Any, message: MutableMapping[str, Any]) -> None:
    """daphne's handle_reply, which returns when more may be sent."""
    await _reply(server, protocol, message)
    if message.get("more_body") and isinstance(protocol, BoundedRequest):
        await protocol.until_open()


def _create_application(server: Any, protocol: Any, scope: MutableMapping[str, Any]) -> Any:
    """daphne's create_application; a file's application reads from its inflow."""
    inflow = protocol.inflow if isinstance(protocol, BoundedRequest) else None
    if inflow is None:
        return _create(server, protocol, scope)
    scope.setdefault("asgi", {"version": "3.0"})
    send = functools.partial(server.handle_reply, protocol)
    application = server.application(scope=scope, receive=inflow.receive, send=send)
    server.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
    return inflow


_reply = daphne.server.Server.handle_reply
_create = daphne.server.Server.create_application


def install() -> None:
    """Put the bounds in place, for all servers made afterwards. Safe to call twice."""
    daphne.http_protocol.WebRequest = BoundedRequest
    daphne.server.Server.handle_reply = _reply_and_wait
    daphne.server.Server.create_application = _create_application
