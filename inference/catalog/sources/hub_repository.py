"""A repository of the hub of which nobody has said beforehand which files make the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.catalog.choice import choose_files
from inference.catalog.sources import FileProgress, SourceFile
from inference.catalog.sources.hub import REACH_SECONDS, HubSource
from inference.catalog.sources.hub_talk import ask
from inference.catalog.stopping import Stop


@dataclass(frozen=True, slots=True)
class HubRepository:
    """The model in one repository at one revision. `quant` says which, where a repository of GGUF
    files has several ("" = the usual one, see `catalog.choice`)."""

    repository: str
    revision: str = "main"
    quant: str = ""
    reach_seconds: float = REACH_SECONDS

    @property
    def address(self) -> str:
        """Such as `hub:org/repo@revision`."""
        return self._files.address

    def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
        """Ask the hub what is there, and choose.

        Raises PullFailed when the hub does not answer or holds nothing to choose.
        """
        question = ["list", self.repository, self.revision, "*"]
        listed = ask(question, stop, reach_seconds=self.reach_seconds)["files"]
        offered = {item["name"]: item for item in listed}
        return tuple(SourceFile(**offered[name]) for name in choose_files(offered, self.quant))

    def fetch(
        self, files: Sequence[SourceFile], folder: Path, progress: FileProgress, stop: Stop
    ) -> None:
        """Download file by file into `folder`."""
        self._files.fetch(files, folder, progress, stop)

    @property
    def _files(self) -> HubSource:
        return HubSource(self.repository, self.revision, ())
