"""Hashes: of a file against what its source announced, and of a whole model as its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from inference.catalog.stopping import Stop

_PIECE_BYTES = 1 << 20


def hash_file(path: Path, stop: Stop, on_bytes: Callable[[int], None] = lambda count: None) -> str:
    """The file's sha256 in hexadecimal. Blocks for about a second per gigabyte; may be stopped."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            stop.check()
            digest.update(piece)
            on_bytes(len(piece))
    return digest.hexdigest()


def content_digest(hashes: Mapping[str, str]) -> str:
    """One digest for a model: equal for equal names and contents of files, wherever they lie."""
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(f"{name}\0{hashes[name]}\n".encode())
    return digest.hexdigest()
