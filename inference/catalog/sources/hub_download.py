"""Downloads from a hub, in the child process of `hub_client`: many files at once, each held to its
hash, each going on where an earlier process was killed.

The hub client's own downloads into a folder cannot do that: up to 1.x it kept the unfinished file
and went on, since 2.x every attempt begins anew in a file of a random name. Below that, its
`http_get` does take up a file in the middle, with its tokens, proxies and retries.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from huggingface_hub import hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

Say = Callable[[dict[str, Any]], None]

_REPORT_SECONDS: Final = 0.06
_PIECE_BYTES: Final = 1 << 20
_FRUITLESS_TRIES: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.5


class WrongContents(Exception):
    """A file arrived that does not have the hash that the hub stated. The text is for the user."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size_bytes: int
    sha256: str
    git_sha1: str
    commit: str

    @property
    def key(self) -> str:
        """A file name for the part that is here."""
        return self.sha256 or self.git_sha1


def fetch(request: Path, say: Say) -> None:
    """Download what the file `request` says (`HubSource.fetch` writes it). Raises what the hub's
    client does, OSError, WrongContents; then other downloads may still be under way."""
    wanted = json.loads(request.read_text(encoding="utf-8"))
    downloads = _Downloads(wanted)
    reporter = threading.Thread(target=downloads.report_until_over, args=(say,), daemon=True)
    reporter.start()
    pool = ThreadPoolExecutor(wanted["at_once"])
    # Large files first: a small one can begin late, and a large one that does is waited for.
    files = sorted(downloads.files, key=lambda file: -file.size_bytes)
    pending = [pool.submit(downloads.fetch_one, file) for file in files]
    try:
        for ended in as_completed(pending):
            ended.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        downloads.is_over.set()
        reporter.join()


class _Downloads:
    """The files of one request, and how much of each is here."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self.files = [_File(**item) for item in wanted["files"]]
        self.is_over = threading.Event()
        self._repository: str = wanted["repository"]
        self._revision: str = wanted["revision"]
        self._folder = Path(wanted["folder"])
        self._partial = Path(wanted["partial"])
        self._partial.mkdir(parents=True, exist_ok=True)
        # A packed answer could not be taken up in its middle.
        self._headers = {**build_hf_headers(), "accept-encoding": "identity"}
        self._under_way: dict[str, Path] = {}

    def report_until_over(self, say: Say) -> None:
        """Tell of files that grow, several times a second."""
        told: dict[str, int] = {}
        while True:
            is_last = self.is_over.wait(_REPORT_SECONDS)
            at = {}
            for name, path in list(self._under_way.items()):
                size = _size(path)
                if size > told.get(name, -1):
                    at[name] = told[name] = size
            if at:
                say({"at": at})
            if is_last:
                return

    def fetch_one(self, file: _File) -> None:
        """Have the file in the folder, with the right hash."""
        target = self._folder / file.name
        if _size(target) == file.size_bytes and not _differs(file, target):
            self._under_way[file.name] = target
            return
        part = self._partial / f"{file.key}-{hashlib.sha256(file.name.encode()).hexdigest()[:8]}"
        if _size(part) > file.size_bytes:
            part.unlink()
        was_begun = _size(part) > 0
        self._under_way[file.name] = part
        self._receive(file, part)
        if was_begun and _differs(file, part):
            part.unlink()  # a power cut may leave a file of zeros
            self._receive(file, part)
        if differing := _differs(file, part):
            part.unlink()
            raise WrongContents(
                f"{file.name} did not arrive whole from the hub (its {differing} differs); "
                "nothing of it was kept"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        self._under_way[file.name] = target
        part.replace(target)

    def _receive(self, file: _File, part: Path) -> None:
        """All bytes of the file. What breaks is tried again, without end as long as bytes come."""
        url = hf_hub_url(self._repository, file.name, revision=file.commit or self._revision)
        fruitless = 0
        while True:
            before = max(0, _size(part))
            try:
                with part.open("ab", buffering=0) as out:
                    http_get(
                        url,
                        out,
                        resume_size=before,
                        headers=self._headers,
                        expected_size=file.size_bytes,
                        displayed_filename=file.name,
                    )
                return
            except Exception as error:
                if not _may_pass(error):
                    raise
                fruitless = 0 if _size(part) > before else fruitless + 1
                if fruitless >= _FRUITLESS_TRIES:
                    raise
                if _size(part) > file.size_bytes:
                    part.unlink()
                time.sleep(_FIRST_PAUSE_SECONDS * 2**fruitless)


def _may_pass(error: Exception) -> bool:
    """Whether trying again at once can help."""
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if isinstance(error, HfHubHTTPError):
        # 429 is not here: the hub's client has waited and tried again already.
        return bool(getattr(error.response, "status_code", 0) >= 500)
    return not (isinstance(error, OSError) and error.errno is not None)  # else: our own disk


def _differs(file: _File, path: Path) -> str:
    """Which hash of the contents is not as stated; "" when all are."""
    sha256 = hashlib.sha256() if file.sha256 else None
    git = hashlib.sha1(usedforsecurity=False) if file.git_sha1 else None
    if git is not None:
        git.update(b"blob %d\0" % file.size_bytes)
    with path.open("rb") as content:
        while piece := content.read(_PIECE_BYTES):
            for digest in (sha256, git):
                if digest is not None:
                    digest.update(piece)
    if sha256 is not None and sha256.hexdigest() != file.sha256:
        return "sha256"
    if git is not None and git.hexdigest() != file.git_sha1:
        return "git hash"
    return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
