"""What stays of an upload that is broken off."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.catalog import blobs
from inference.catalog.blobs import BlobStore


async def test_a_cancel_in_the_middle_of_a_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_writing, may_write = threading.Event(), threading.Event()
    look = shutil.disk_usage

    def look_slowly(path: Path) -> object:
        is_writing.set()
        may_write.wait(10)
        return look(path)

    monkeypatch.setattr(blobs.shutil, "disk_usage", look_slowly)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 100

    upload = asyncio.create_task(BlobStore(tmp_path).receive("0" * 64, pieces()))
    assert await asyncio.to_thread(is_writing.wait, 10)

    upload.cancel()
    asyncio.get_running_loop().call_later(0.1, may_write.set)
    with pytest.raises(asyncio.CancelledError):
        await upload
    may_write.set()
    await asyncio.get_running_loop().shutdown_default_executor()

    assert list(tmp_path.iterdir()) == []
