"""A Hugging Face hub, by huggingface_hub's own client: HF_ENDPOINT, HF_TOKEN, proxies and
HF_HUB_OFFLINE mean what they mean everywhere.

The client runs in a child process (`hub_talk`): a name lookup without an answer cannot be
interrupted in a thread, and the server is spared the client's memory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from inference import snapshot
from inference.catalog.errors import PullFailed
from inference.catalog.sources import FileProgress, SourceFile
from inference.catalog.sources.hub_talk import Message, ask
from inference.catalog.stopping import Stop

REACH_SECONDS = 10.0
"""A hub that has not answered by then is out of reach."""

SOON_SECONDS = 3.0
"""The same where another source has the model too."""

_FETCH_SECONDS = 7 * 24 * 3600.0


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
        listed = ask(arguments, stop, reach_seconds=self.reach_seconds)["files"]
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

        def hear(message: Message) -> None:
            for name, count in message.get("at", {}).items():
                progress(name, count)

        ask(["fetch", str(wanted)], stop, answer_seconds=_FETCH_SECONDS, on_message=hear)
        for file in files:
            progress(file.name, file.size_bytes)
        shutil.rmtree(partial, ignore_errors=True)
        wanted.unlink(missing_ok=True)


def beside(folder: Path) -> tuple[Path, Path]:
    """What a download keeps next to its folder: the list of what is wanted, and the folder of the
    files that are not whole yet."""
    return folder.with_name(f"{folder.name}.wanted"), folder.with_name(f"{folder.name}.partial")
