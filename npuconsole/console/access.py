"""Who may see the console: callers on this machine, and staff who logged in.

The same rule for pages and websockets. Names in the Host and Origin headers
are checked before this, by the site's middleware and the websocket origin validator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any


def is_loopback(address: str | None) -> bool:
    """Whether that is an address of this machine itself."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def may_see_console(address: str | None, user: object) -> bool:
    """`address` is the caller's, `user` a Django user or None."""
    return is_loopback(address) or bool(
        getattr(user, "is_active", False) and getattr(user, "is_staff", False)
    )


def scope_address(scope: Mapping[str, Any]) -> str:
    """The caller's address in an ASGI scope, "" if the server did not say."""
    client = scope.get("client")
    return str(client[0]) if client else ""
