"""The site's secret key: made once, kept in the data folder, readable by the owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from npuconsole.refusals import StartRefused

_SHORTEST = 50


def secret_key(home: Path) -> str:
    """The key of that data folder, which is created when it is missing. Raises StartRefused."""
    path = home / "secret_key"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _read(path) or _create(path)
    except OSError as error:
        raise StartRefused(
            f"The data folder {home} cannot be used: {error.strerror or error}; "
            "NPUCONSOLE_HOME can name another"
        ) from error


def _read(path: Path) -> str:
    """The key, "" when there is none or the file was cut short."""
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    return text if len(text) >= _SHORTEST else ""


def _create(path: Path) -> str:
    key = secrets.token_urlsafe(64)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key)
    draft.replace(path)
    return key
