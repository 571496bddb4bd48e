"""The note in the data folder that says where the running server listens."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

_NAME = "server.json"


def announce(home: Path, url: str) -> None:
    """Leave the address where the command line and a second instance find it."""
    (home / _NAME).write_bytes(orjson.dumps({"url": url, "pid": os.getpid()}))


def announced(home: Path) -> str | None:
    """The address that the server of that data folder left, or None; old after a crash."""
    try:
        return str(orjson.loads((home / _NAME).read_bytes())["url"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None


def withdraw(home: Path) -> None:
    """Take the note away."""
    (home / _NAME).unlink(missing_ok=True)
