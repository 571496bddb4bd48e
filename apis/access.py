"""From where the API may be called: names in the Host header, and origins of browser pages. Pure.

A page of a stranger's website must not reach a server on this machine, neither directly (its
origin is refused) nor under a name of its own that leads here (DNS rebinding: the name is refused).
What is allowed follows Ollama.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable

_LOCAL_PAGE = re.compile(
    r"https?://(([a-z0-9-]+\.)*localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(:\d{1,5})?"
)
_APPLICATION = re.compile(
    r"(app|file|tauri|vscode-webview|vscode-file"
    r"|(chrome|moz|safari-web|safari|ms-browser)-extension)://[^\s,]*"
)
_LOCAL_DOMAINS = (".localhost", ".local", ".internal")

ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
ALLOWED_HEADERS = ", ".join(
    (
        "Authorization",
        "Content-Type",
        "User-Agent",
        "Accept",
        "X-Requested-With",
        "X-Api-Key",
        "Anthropic-Version",
        "Anthropic-Beta",
        "Anthropic-Dangerous-Direct-Browser-Access",
        "OpenAI-Beta",
        "OpenAI-Organization",
        "OpenAI-Project",
        "X-NPU-Proxy-Prefer-Device",
        "X-NPU-Proxy-Strict",
        *(
            f"x-stainless-{part}"
            for part in (
                "arch",
                "async",
                "custom-poll-interval",
                "helper-method",
                "lang",
                "os",
                "package-version",
                "poll-helper",
                "retry-count",
                "runtime",
                "runtime-version",
                "timeout",
            )
        ),
    )
)
EXPOSED_HEADERS = (
    "X-Request-ID, Request-Id, Retry-After, X-NPU-Proxy-Device, X-NPU-Proxy-Routed-Device, "
    "X-NPU-Proxy-Execution-Device, X-NPU-Proxy-Fallback-Reason, X-NPU-Proxy-Route-Reason, "
    "X-NPU-Proxy-Token-Count, X-NPU-Proxy-Emulated, X-NPU-Proxy-Ignored"
)
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": ALLOWED_METHODS,
    "Access-Control-Allow-Headers": ALLOWED_HEADERS,
    "Access-Control-Allow-Private-Network": "true",
    "Access-Control-Max-Age": "43200",
}


@functools.lru_cache(maxsize=512)
def is_loopback(address: str) -> bool:
    """Whether that is an address of this machine that other machines cannot reach."""
    parsed = _address(address)
    return parsed is not None and parsed.is_loopback


@functools.lru_cache(maxsize=512)
def host_is_allowed(host: str, own_names: tuple[str, ...]) -> bool:
    """Whether a request to a server on loopback may carry that Host header.

    An address cannot be rebound, so those of private networks pass; `own_names` are names in the
    form of Django's ALLOWED_HOSTS.
    """
    name = _without_port(host.strip().lower()).rstrip(".")
    if not name or name == "localhost" or name.endswith(_LOCAL_DOMAINS):
        return True
    address = _address(name)
    if address is not None and (
        address.is_loopback or address.is_private or address.is_unspecified
    ):
        return True
    return any(_matches(name, own.lower()) for own in own_names)


@functools.lru_cache(maxsize=512)
def origin_is_allowed(origin: str, host: str, allowed: tuple[str, ...] = ()) -> bool:
    """Whether a page of that origin may call: ours, a local one, or an application's own.

    `allowed` are the owner's: an origin, or `*` for any.
    """
    text = origin.lower()
    if text.partition("://")[2] == host.lower() and host:
        return True
    if _LOCAL_PAGE.fullmatch(text) or _APPLICATION.fullmatch(text):
        return True
    return any(own in ("*", text) for own in allowed)


def is_preflight(method: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser asks if it may send the real request."""
    return method == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in headers
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0] if host.count(":") == 1 else host


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return mapped or parsed


def _matches(name: str, own: str) -> bool:
    if own.startswith("."):
        return name == own[1:] or name.endswith(own)
    return own in ("*", name)
