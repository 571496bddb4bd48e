"""A Hugging Face hub, by huggingface_hub's own client: HF_ENDPOINT, HF_TOKEN, proxies and
HF_HUB_OFFLINE mean what they mean everywhere.

The client runs in a child process (`hub_client`): a name lookup without an answer cannot be
interrupted in a thread, and the server is spared the client's memory.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from inference import snapshot
from inference.catalog.children import Ended, TookTooLong, run_child
from inference.catalog.errors import DiskFull, NotAsStated, PullFailed, UnknownRepository
from inference.catalog.sources import FileProgress, SourceFile
from inference.catalog.stopping import Stop

REACH_SECONDS = 3.0
"""A hub that has not answered by then is out of reach."""

_START_SECONDS = 60.0
_FETCH_SECONDS = 7 * 24 * 3600.0
_CLIENT = "inference.catalog.sources.hub_client"
_ENVIRONMENT = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True, slots=True)
class HubSource:
    """Some files of one repository at one revision: those that match one of `patterns` and none of
    `excluded`. A pattern that is a plain file name must be there.

    `pins` are the sha256 that files must have, whatever the hub says; a file without a pin is held
    to the hash that the hub lists.
    """

    repository: str
    revision: str
    patterns: tuple[str, ...]
    pins: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    reach_seconds: float = REACH_SECONDS

    @property
    def address(self) -> str:
        """Such as `hub:org/repo@revision`."""
        return f"hub:{self.repository}@{self.revision}"

    def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
        """Ask the hub; PullFailed within `reach_seconds` of asking when it does not answer."""
        excluded = [f"!{pattern}" for pattern in self.excluded]
        arguments = ["list", self.repository, self.revision, *self.patterns, *excluded]
        listed = ask_client(arguments, self.reach_seconds, stop).get("files", [])
        files = tuple(self._with_pin(SourceFile(**item)) for item in listed)
        for file in files:
            if self.pins.get(file.name, file.sha256) != file.sha256:
                raise PullFailed(
                    f"the hub offers another {file.name} than the one known to be good", retry=False
                )
        return files

    def _with_pin(self, file: SourceFile) -> SourceFile:
        """A small file has the sha256 it is held to, which the hub does not know."""
        return file if file.sha256 else replace(file, sha256=self.pins.get(file.name, ""))

    def fetch(
        self, files: Sequence[SourceFile], folder: Path, progress: FileProgress, stop: Stop
    ) -> None:
        """Download into `folder`, several files at once, each held to its hash. What a download
        that was broken off left there, or beside it in `.partial`, is used."""
        wanted, partial = beside(folder)
        wanted.write_text(
            json.dumps(
                {
                    "repository": self.repository,
                    "revision": self.revision,
                    "folder": str(folder),
                    "partial": str(partial),
                    "at_once": snapshot.current().settings.pull_parallel,
                    "files": [asdict(file) for file in files],
                }
            ),
            encoding="utf-8",
        )
        talk = _Talk()

        def hear(line: str) -> None:
            talk.hear(line)
            for name, count in talk.last.get("at", {}).items():
                progress(name, count)

        ended = run_child(
            _CLIENT,
            ["fetch", str(wanted)],
            stop=stop,
            timeout_seconds=_FETCH_SECONDS,
            on_line=hear,
            environment=_ENVIRONMENT,
        )
        talk.result(ended)
        for file in files:
            progress(file.name, file.size_bytes)
        shutil.rmtree(partial, ignore_errors=True)
        wanted.unlink(missing_ok=True)


def beside(folder: Path) -> tuple[Path, Path]:
    """What a download keeps next to its folder: the list of what is wanted, and the folder of the
    files that are not whole yet."""
    return folder.with_name(f"{folder.name}.wanted"), folder.with_name(f"{folder.name}.partial")


def ask_client(arguments: Sequence[str], reach_seconds: float, stop: Stop) -> dict[str, Any]:
    """The client's answer to one question; PullFailed within `reach_seconds` of asking when the hub
    does not answer."""
    talk = _Talk(reach_seconds)
    try:
        ended = run_child(
            _CLIENT,
            arguments,
            stop=stop,
            timeout_seconds=_START_SECONDS,
            on_line=talk.hear,
            on_tick=talk.look_at_the_clock,
            environment=_ENVIRONMENT,
        )
    except TookTooLong:
        raise PullFailed("the hub did not answer in time") from None
    return talk.result(ended)


class _Talk:
    """What the client says in one run. `reach_seconds` counts from the moment it asks."""

    def __init__(self, reach_seconds: float | None = None) -> None:
        self._reach_seconds = reach_seconds
        self._deadline: float | None = None
        self.last: dict[str, Any] = {}

    def hear(self, line: str) -> None:
        self.last = json.loads(line)
        if "asking" in self.last and self._reach_seconds is not None:
            self._deadline = time.monotonic() + self._reach_seconds
        else:
            self._deadline = None

    def look_at_the_clock(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise PullFailed(f"the hub did not answer within {self._reach_seconds:g} seconds")

    def result(self, ended: Ended) -> dict[str, Any]:
        if "error" in self.last:
            if self.last.get("is_disk_full"):
                raise DiskFull(self.last["error"])
            if self.last.get("is_not_as_stated"):
                raise NotAsStated(self.last["error"])
            if self.last.get("is_unknown"):
                raise UnknownRepository(self.last["error"])
            raise PullFailed(self.last["error"], retry=bool(self.last.get("retry", True)))
        if ended.code != 0 or "done" not in self.last:
            raise PullFailed("the hub's client ended without an answer")
        return self.last
