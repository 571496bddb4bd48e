"""Who may use the console: staff who logged in, and callers on this machine as long as nobody has
an account and the settings do not demand one.

The same rule for pages and websockets. Names in the Host and Origin headers are checked before
this, by the site's middleware and the websocket origin validator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from inference import snapshot


def is_loopback(address: str | None) -> bool:
    """Whether that is an address of this machine itself."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def is_staff(user: object) -> bool:
    """Whether a Django user (or None) is one who may change things here."""
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False))


def has_owner() -> bool:
    """Whether anybody has an account that may use the console. Uses the ORM."""
    return get_user_model().objects.filter(is_active=True, is_staff=True).exists()


async def may_become_owner(address: str | None) -> bool:
    """Whether a caller from that address may create the first account: from this machine, while
    there is none."""
    return is_loopback(address) and not await sync_to_async(has_owner)()


async def is_open_here(address: str | None) -> bool:
    """Whether a caller from that address needs no account."""
    if not is_loopback(address) or snapshot.current().settings.console_login_required:
        return False
    return not await sync_to_async(has_owner)()


async def may_enter(request: HttpRequest) -> bool:
    """Whether the caller of a page may see it."""
    return await is_open_here(request.META.get("REMOTE_ADDR")) or is_staff(await request.auser())


async def who_asks(request: HttpRequest) -> str:
    """Who makes a change, for the account of them: a user's name, else the caller's address."""
    user = await request.auser()
    return user.get_username() or str(request.META.get("REMOTE_ADDR") or "unknown")


async def may_connect(scope: Mapping[str, Any]) -> bool:
    """Whether the caller of a websocket may, by its ASGI scope."""
    return is_staff(scope.get("user")) or await is_open_here(scope_address(scope))


def scope_address(scope: Mapping[str, Any]) -> str:
    """The caller's address in an ASGI scope, "" if the server did not say."""
    client = scope.get("client")
    return str(client[0]) if client else ""
