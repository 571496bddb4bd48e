"""The console's pages: what the rail lists, and what every page's view has in common.

A page is a package beside this module with its views and addresses, and templates, a stylesheet and
scripts of the same name. `console_page` and `console_action` are the only ways in: they decide who
may come, set the policy of what the page may load, and give the frame what it shows.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from npuconsole.console import live
from npuconsole.console.access import may_become_owner, may_enter

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Stricter than the site's: these pages have no inline style or script at all."""


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the rail. `letter` opens it after `g`."""

    name: str
    title: str
    letter: str

    @property
    def icon(self) -> str:
        """Its symbol in _icons.html."""
        return f"i-{self.name}"

    @property
    def url(self) -> str:
        """Where it is."""
        return reverse(f"console:{self.name}")


PAGES = (
    Page("overview", "Overview", "o"),
    Page("chat", "Chat", "c"),
    Page("models", "Models", "m"),
    Page("routing", "Routing", "r"),
    Page("requests", "Requests", "q"),
    Page("connect", "Connect", "n"),
    Page("settings", "Settings", "s"),
)

Context = dict[str, Any]
View = Callable[..., Coroutine[Any, Any, HttpResponse]]
Guard = Callable[[HttpRequest], Awaitable[HttpResponse | None]]
"""Gives the answer to who may not come in, None to who may."""


async def only_who_may_enter(request: HttpRequest) -> HttpResponse | None:
    """The guard of nearly everything. Where nobody can log in yet, a person on this machine is led
    to where the first account is made."""
    if await may_enter(request):
        return None
    if request.method == "POST":
        return JsonResponse({"error": "Log in first.", "field": ""}, status=403)
    if await may_become_owner(request.META.get("REMOTE_ADDR")):
        return redirect("console:welcome")
    return redirect_to_login(request.get_full_path(), reverse("admin:login"))


def console_page(
    name: str, template: str = "", *, guard: Guard = only_who_may_enter
) -> Callable[[Callable[..., Context | HttpResponse]], View]:
    """The decorated function gives the page's context, in a thread where it may use the database;
    the template is console/<name>.html unless it says otherwise, and "status" in the context is the
    answer's if it is not 200. A request of htmx is answered like
    any other: a fragment has a function and a template of its own."""

    def decorate(read: Callable[..., Context | HttpResponse]) -> View:
        @never_cache
        @require_safe
        @ensure_csrf_cookie
        @functools.wraps(read)
        async def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if (refused := await guard(request)) is not None:
                return refused
            context = await sync_to_async(read)(request, *args, **kwargs)
            if isinstance(context, HttpResponse):
                return _with_policy(context)
            picture = live.read_picture()  # memory only, on the loop that owns it
            frame = {
                "pages": PAGES,
                "page": name,
                "picture": orjson.loads(orjson.dumps(picture)),
                "version": picture.version,
                "address": request.build_absolute_uri("/").rstrip("/"),
            }
            rendered = sync_to_async(render)
            return _with_policy(
                await rendered(
                    request,
                    template or f"console/{name}.html",
                    {**frame, **context},
                    status=context.get("status"),
                )
            )

        return view

    return decorate


def console_action(act: Callable[..., Awaitable[HttpResponse]]) -> View:
    """A POST that changes something, on the server's loop, for who may see the console. Problems a
    person can mend are raised as `Refusal`, and become JSON with the field's name."""
    return guarded_action(only_who_may_enter)(act)


def guarded_action(guard: Guard) -> Callable[[Callable[..., Awaitable[HttpResponse]]], View]:
    """`console_action` for whom that guard lets in."""
    return functools.partial(_action, guard)


def _action(guard: Guard, act: Callable[..., Awaitable[HttpResponse]]) -> View:
    @require_POST
    @functools.wraps(act)
    async def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if (refused := await guard(request)) is not None:
            return refused
        try:
            return await act(request, *args, **kwargs)
        except Refusal as refusal:
            return JsonResponse(
                {"error": refusal.message, "field": refusal.field}, status=refusal.status
            )

    return view


class Refusal(Exception):
    """Something that cannot be done, in words for a person; `field` is what it is about."""

    def __init__(self, message: str, *, field: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.status = status


def _with_policy(response: HttpResponse) -> HttpResponse:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    return response
