"""The way in for API paths: who may call, an id for every request, one line in the log, one count.

The site's ASGI application hands over the scopes that `is_api_scope` names. None of the pages'
middleware runs here; what all answers share is in this file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase

from apis import access
from apis.answers import ErrorAnswer, PlainAnswer
from apis.anthropic import errors as anthropic
from apis.bodies import UNREADABLE, read_body
from apis.calls import Call
from apis.handler import ApiHandler, DisconnectWatch, Send
from apis.unpacking import encoding_of, unpack
from apis.uploads import ClientGone, Receive, Upload, is_upload
from inference import callers, environment, metrics, snapshot
from inference.errors import InvalidRequest

Scope = MutableMapping[str, Any]

PREFIXES = ("/api/", "/v1/", "/health/")
PATHS = frozenset({"/api", "/v1", "/health", "/metrics"})

CLIENT_GONE = 499
"""The status that metrics get for requests whose client left before the answer was out."""
NOT_NOW = 503
"""Busy, or the model is still being installed: nothing is broken."""


def is_api_scope(scope: Scope) -> bool:
    """Whether that is a request for the API. `/` belongs to browsers' pages and to API clients."""
    path: str = scope["path"]
    if path == "/":
        return not _wants_page(scope)
    return path in PATHS or path.startswith(PREFIXES)


def _wants_page(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") and any(
        name == b"accept" and b"text/html" in value for name, value in scope["headers"]
    )


class Door:
    """Lets callers in, has the handler answer, and sees that every request leaves its traces."""

    def __init__(self) -> None:
        self._handler = ApiHandler("apis.urls")
        self._own_names = tuple(settings.ALLOWED_HOSTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Ends quietly when the client goes away; a cancel from elsewhere (the
        server stops) goes through."""
        call = Call.of(scope)
        caller = callers.arrived(call.client, call.agent, call.method, call.path)
        status = CLIENT_GONE
        watch: DisconnectWatch | None = None
        try:
            if is_upload(call.method, call.path):
                call.upload = Upload(receive)
            response = self._without_body(call, scope)
            if response is None:
                body = b"" if call.upload else await _body(call, scope, receive)
                # What only reads is answered at once; nothing would be saved by a cancel. Who
                # uploads is seen to leave by the missing rest.
                if call.method not in ("GET", "HEAD") and call.upload is None:
                    watch = DisconnectWatch(receive)
                response = await self._handler.answer(call, scope, body)
            if call.upload is not None:
                await call.upload.drain()
            response = _in_shape(call, response)
            status = response.status_code
            _log_refusal(call, response)
            await self._handler.deliver(response, self._common_headers(call), call, send)
        except ClientGone:
            call.log(logging.INFO, "the client went away before it had sent its request")
        except asyncio.CancelledError:
            if watch is None or not watch.is_gone:
                raise
            watch.forgive()
            status = CLIENT_GONE
            call.log(logging.INFO, "the client went away")
        finally:
            if watch is not None:
                watch.stop()
            caller.status = status
            metrics.count_request(call.endpoint, status)

    def _without_body(self, call: Call, scope: Scope) -> HttpResponseBase | None:
        """The answer to callers who are not let in, and to browsers that ask if they would be."""
        if access.is_loopback(call.server) and not all(
            access.host_is_allowed(host, self._own_names) for host in call.hosts
        ):
            return PlainAnswer("Host header not allowed", status=421)
        if not call.sent_origin:
            return None
        host = call.hosts[0] if call.hosts else ""
        allowed = environment.listed(snapshot.current().settings.allowed_origins)
        if not access.origin_is_allowed(call.sent_origin, host, allowed):
            return PlainAnswer("Origin not allowed", status=403)
        call.origin = call.sent_origin
        if access.is_preflight(call.method, scope["headers"]):
            return PlainAnswer("", status=204, headers=access.PREFLIGHT_HEADERS)
        return None

    def _common_headers(self, call: Call) -> dict[str, str]:
        headers = {"X-Request-ID": call.request_id, "X-Content-Type-Options": "nosniff"}
        if anthropic.owns(call.path):
            headers["Request-Id"] = call.request_id  # where that family's clients look for it
        if call.sent_origin:
            headers["Vary"] = "Origin"
        if call.origin:
            headers["Access-Control-Allow-Origin"] = call.origin
            headers["Access-Control-Expose-Headers"] = access.EXPOSED_HEADERS
        return headers


def _in_shape(call: Call, response: HttpResponseBase) -> HttpResponseBase:
    """Refusals are plain text, but for the one family whose clients read them as JSON."""
    return anthropic.in_shape(call, response) if anthropic.owns(call.path) else response


async def _body(call: Call, scope: Scope, receive: Receive) -> bytes:
    """The request's body. One that cannot be had is refused where it is parsed, in the words of its
    family. Raises ClientGone."""
    try:
        body = await read_body(receive)
        encoding = encoding_of(scope["headers"])
        return await asyncio.to_thread(unpack, body, encoding) if body and encoding else body
    except InvalidRequest as problem:
        call.body_problem = problem
        return UNREADABLE


def _log_refusal(call: Call, response: HttpResponseBase) -> None:
    status = response.status_code
    if status < 400:
        return
    reason = response.reason if isinstance(response, ErrorAnswer) else response.reason_phrase
    cause = response.cause if isinstance(response, ErrorAnswer) else None
    if status >= 500:
        level = logging.WARNING if status == NOT_NOW else logging.ERROR
    else:
        level = logging.INFO
    call.log(level, f"{status} {reason}", cause=cause)


_door = Door()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    await _door(scope, receive, send)
