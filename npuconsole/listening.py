"""Where the server listens: checked before it is tried, known while it runs."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from dataclasses import dataclass

from inference import environment
from npuconsole.refusals import StartRefused

EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Place:
    """An address and port of this machine that the server listens on."""

    host: str
    port: int

    @property
    def is_everywhere(self) -> bool:
        """Whether other machines get here by any address of this one."""
        return self.host in EVERYWHERE

    @property
    def is_only_here(self) -> bool:
        """Whether only this machine gets here."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


_place: Place | None = None


def note(host: str, port: int) -> None:
    """The server listens there now."""
    global _place
    _place = Place(host, port)


def place() -> Place | None:
    """Where this process listens; None if it is no server."""
    return _place


def url_of(host: str, port: int) -> str:
    """The address by which a program on this machine gets there."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def resolve(host: str) -> str:
    """The address to bind for that host, IPv4 first for names with both. Raises StartRefused."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise StartRefused(not_ours(host)) from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0])


def problem_with(host: str, port: int = 0) -> str:
    """Why a server could not listen there, "" if it could. Blocks: it may ask a name server."""
    try:
        address = resolve(host)
    except StartRefused:
        return f"{host} is no address or name of this machine."
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            if sys.platform != "win32":  # there it would share a port that is in use
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, 10048):
            return f"Port {port} on {host} is in use by another program."
        if error.errno in (errno.EACCES, 10013):
            return f"Port {port} on {host} needs permission."
        return f"{host} is no address or name of this machine."
    return ""


def not_ours(host: str) -> str:
    """The line for a host that cannot be bound."""
    return f"NPU_PROXY_HOST={host!r} cannot be used; allowed: an address or name of this machine"


def allow_names(host: str, more: str) -> None:
    """Let the pages be asked for by the host's own name and the owner's further ones. Called before
    the application is loaded, which keeps a copy."""
    from django.conf import settings

    names = [f"[{host}]" if ":" in host else host.lower()] if host not in EVERYWHERE else []
    names += environment.listed(more)
    settings.ALLOWED_HOSTS = [*dict.fromkeys([*settings.ALLOWED_HOSTS, *names])]
