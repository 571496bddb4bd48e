"""The console's pages. Each is a frame that carries the current picture; what moves comes live."""

from __future__ import annotations

import orjson
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from npuconsole.console import live
from npuconsole.console.access import is_loopback, may_see_console

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Stricter than the site's: these pages have no inline style or script at all."""


@never_cache
@require_safe
async def overview(request: HttpRequest) -> HttpResponse:
    """The first page: devices, models, decisions, chat."""
    address = request.META.get("REMOTE_ADDR")
    # Only callers from elsewhere cost a look at the session.
    if not is_loopback(address) and not may_see_console(address, await request.auser()):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    picture = live.read_picture()
    response = render(
        request,
        "console/overview.html",
        {
            "picture": orjson.loads(orjson.dumps(picture)),
            "version": picture.version,
            "address": request.build_absolute_uri("/").rstrip("/"),
        },
    )
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    return response
