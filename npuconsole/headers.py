"""The content security policy of pages that bring none of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

_COMMON = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
STRICT = f"{_COMMON}; script-src 'self'"
# The admin's interface library, Alpine as django-unfold ships it, evaluates expressions.
ADMIN = f"{_COMMON}; script-src 'self' 'unsafe-inline' 'unsafe-eval'"

Handler = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


def _with_policy(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    policy = ADMIN if request.path.startswith("/admin/") else STRICT
    response.headers.setdefault("Content-Security-Policy", policy)
    return response


@sync_and_async_middleware
def content_security_policy(get_response: Handler) -> Handler:
    """Middleware: every page says what it may load, which is only from this server."""
    if iscoroutinefunction(get_response):

        async def respond(request: HttpRequest) -> HttpResponse:
            return _with_policy(request, await get_response(request))  # type: ignore[misc]

        return respond

    def respond_now(request: HttpRequest) -> HttpResponse:
        return _with_policy(request, get_response(request))  # type: ignore[arg-type]

    return respond_now
