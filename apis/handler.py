"""Django's ASGI handler for API paths: the router and the views, and nothing that costs a thread.

Django's own opens a thread context per request, runs the middleware of the pages and hops to a
thread to close the response; that is three quarters of a small request's cost. API views use no
database connection, so there is none to look after here.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
from collections.abc import Awaitable, Callable, MutableMapping
from io import BytesIO
from typing import Any, cast
from urllib.parse import quote

from django.core.handlers.asgi import ASGIHandler
from django.http.response import HttpResponseBase
from django.urls import Resolver404, get_resolver

from apis.answers import ErrorAnswer, FrameStream, PlainAnswer
from apis.calls import ApiRequest, Call
from apis.faults import as_inference_error
from apis.uploads import Receive

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

NOT_FOUND = "404 page not found"
NOT_ALLOWED = "405 method not allowed"


class ApiHandler(ASGIHandler):
    """Answers a request whose caller has been let in. `answer` and `deliver` are its halves."""

    request_class = ApiRequest

    def __init__(self, urls: str) -> None:
        self._urls = get_resolver(urls)

    async def answer(self, call: Call, scope: Message, body: bytes) -> HttpResponseBase:
        """The response, which may be a stream not yet begun."""
        created, _ = self.create_request(scope, BytesIO(body))
        if created is None:
            return PlainAnswer("400 bad request", status=400)
        request = cast(ApiRequest, created)
        request.call = call
        request._body = body  # read already, under our own cap instead of Django's
        if request.method == "HEAD":
            request.method = "GET"
        if redirect := self._redirect(request):
            return redirect
        try:
            match = self._urls.resolve(request.path_info)
        except Resolver404:
            return PlainAnswer(NOT_FOUND, status=404)
        call.endpoint = _endpoint(match.route)
        request.resolver_match = match
        try:
            found = match.func(request, *match.args, **match.kwargs)
            response: HttpResponseBase = await found if inspect.isawaitable(found) else found
        except Exception as error:  # the families turn their errors into answers themselves
            return _internal_error(call, error)
        if response.status_code == 405:
            allow = response.headers.get("Allow", "")
            return PlainAnswer(NOT_ALLOWED, status=405, headers={"Allow": allow})
        return response

    async def deliver(
        self, response: HttpResponseBase, headers: dict[str, str], call: Call, send: Send
    ) -> None:
        """Send it, with those headers added; a stream is always released."""
        try:
            for name, value in headers.items():
                response.headers[name] = value
            if isinstance(response, FrameStream):
                await self._deliver_stream(response, send)
            else:
                await self._deliver_whole(response, call, send)
        finally:
            if isinstance(response, FrameStream):
                await response.release()

    async def _deliver_stream(self, response: FrameStream, send: Send) -> None:
        await send(_start_of(response))
        async for piece in response.frames:
            # It leaves when the loop turns, at the latest when the next piece is waited for: what a
            # lagging stream has gathered comes as one piece (`inference.residency.stream`).
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _deliver_whole(self, response: HttpResponseBase, call: Call, send: Send) -> None:
        content: bytes = getattr(response, "content", b"")
        if response.status_code != 204:
            response.headers["Content-Length"] = str(len(content))
        if call.method == "HEAD":
            content = b""
        await send(_start_of(response))
        await send({"type": "http.response.body", "body": content, "more_body": False})

    def _redirect(self, request: ApiRequest) -> HttpResponseBase | None:
        """Routes have no slash at the end; who adds one is sent to the route."""
        bare = request.path_info.rstrip("/")
        if bare == request.path_info or not bare:
            return None
        try:
            self._urls.resolve(bare)
        except Resolver404:
            return None
        query = request.META["QUERY_STRING"]
        target = quote(bare) + (f"?{query}" if query else "")
        status = 301 if request.method == "GET" else 307
        return PlainAnswer("", status=status, headers={"Location": target})


class DisconnectWatch:
    """Cancels the task it is made in as soon as the client is gone; `is_gone` tells that it was."""

    def __init__(self, receive: Receive) -> None:
        self.is_gone = False
        self._receive = receive
        self._watched = asyncio.current_task()
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        if self._watched is not None:
            self._watched.cancel()

    def forgive(self) -> None:
        """The cancel has done its work: the task may end as if there had been none."""
        if self._watched is not None:
            self._watched.uncancel()

    def stop(self) -> None:
        """The answer is out; whoever leaves now is not cancelled any more."""
        self._task.cancel()


@functools.lru_cache(maxsize=256)
def _endpoint(route: str) -> str:
    """Django's route as documentation writes it: /v1/models/{model_id}."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def _internal_error(call: Call, error: Exception) -> HttpResponseBase:
    told = as_inference_error(error, call.request_id)
    return ErrorAnswer(
        {"error": told.message},
        content_type="application/json; charset=utf-8",
        status=500,
        reason=told.message,
        cause=error,
    )


def _start_of(response: HttpResponseBase) -> Message:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()
    ]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}
