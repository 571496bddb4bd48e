"""Files that clients upload to make models from, by the sha256 of their contents.

They lie in <models>/blobs/ until nobody used them for a week: a model made from one has its own
files. What is still arriving has a name of its own and goes when its upload ends badly.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from inference.errors import InferenceError, InvalidRequest

log = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 20
"""Is gathered before a thread writes it: a hop to the thread costs as much as 100 kB."""
_KEPT_SECONDS = 7 * 24 * 3600.0
_ABANDONED_SECONDS = 24 * 3600.0
_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")
_SPARE_BYTES = 256 * 2**20
"""The disk of the models folder is never filled to the last byte."""


class DiskFull(InferenceError):
    """The disk of the models folder has no room for what is uploaded."""

    code = "disk_full"

    def __init__(self) -> None:
        super().__init__("the disk of the models folder has no room for this file")


def parse_digest(text: str) -> str:
    """The 64 digits of a digest as clients write it. Raises InvalidRequest."""
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise InvalidRequest("invalid digest format", field="digest")
    return found[1].lower()


class BlobStore:
    """The uploaded files below `root`. What blocks says so."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path_of(self, digest: str) -> Path | None:
        """Where that file lies, None if it is not here. Blocks for a look at the disk."""
        path = self._path(digest)
        return path if path.is_file() else None

    async def has(self, digest: str) -> bool:
        """Whether that file is here."""
        return await asyncio.to_thread(self.path_of, digest) is not None

    async def receive(self, digest: str, pieces: AsyncIterator[bytes]) -> None:
        """Keep what arrives if it has that digest. Nothing of it stays if it has another, or when
        this is cancelled or `pieces` raises. Raises InvalidRequest, DiskFull."""
        part = self._root / f".part-{uuid.uuid4().hex}"
        hashed = hashlib.sha256()
        gathered = bytearray()
        await asyncio.to_thread(self._root.mkdir, parents=True, exist_ok=True)
        try:
            async for piece in pieces:
                gathered += piece
                if len(gathered) >= _PIECE_BYTES:
                    await _to_its_end(self._append, part, bytes(gathered), hashed)
                    gathered.clear()
            await _to_its_end(self._append, part, bytes(gathered), hashed)
            if hashed.hexdigest() != digest:
                raise InvalidRequest(
                    f'digest mismatch, expected "sha256:{digest}", got "sha256:'
                    f'{hashed.hexdigest()}"',
                    field="digest",
                )
            await _to_its_end(self._settle, part, digest)
        finally:
            # Not awaited: a cancel must not leave it, and removing is a matter of microseconds.
            part.unlink(missing_ok=True)

    def place(self, digest: str, target: Path) -> None:
        """That file under another name: a link where the disk can. Blocks. Raises
        FileNotFoundError."""
        path = self._path(digest)
        os.utime(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)

    def sweep(self) -> int:
        """Remove what nobody used for long and what dead uploads left; says how many. Blocks."""
        removed = 0
        for path in self._root.iterdir() if self._root.is_dir() else ():
            age = time.time() - path.stat().st_mtime
            if age > (_ABANDONED_SECONDS if path.name.startswith(".part-") else _KEPT_SECONDS):
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _append(self, part: Path, data: bytes, hashed: hashlib._Hash) -> None:
        if shutil.disk_usage(self._root).free < len(data) + _SPARE_BYTES:
            raise DiskFull
        with part.open("ab") as file:
            file.write(data)
        hashed.update(data)

    def _settle(self, part: Path, digest: str) -> None:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(self._path(digest))

    def _path(self, digest: str) -> Path:
        return self._root / f"sha256-{digest}"


async def _to_its_end(work: Callable[..., None], *arguments: Any) -> None:
    """Do that in a thread. A thread cannot be cancelled, so a cancel waits for it: what it writes
    must not appear behind the back of who cleans up."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
