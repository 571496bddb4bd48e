"""Whether a newer version is found, and what is said when it cannot be known."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inference.catalog.errors import PullFailed
from inference.catalog.manifest import Installed
from inference.catalog.sources import FileProgress, SourceFile
from inference.catalog.sources.hub import HubSource
from inference.catalog.stopping import Stop
from inference.catalog.updates import check_update
from tests.catalog.loopback_hub import COMMIT, LoopbackHub

FILE = SourceFile("model.bin", 4, "a" * 64)
OTHER = replace(FILE, sha256="b" * 64)
MODEL = Installed("m:latest", Path(), "0" * 64, "int8", 4, "hub:org/repo@abc", (FILE,), {})


@dataclass(frozen=True)
class Offer:
    """In place of a hub: what it would list. The last test asks one."""

    files: tuple[SourceFile, ...] | None

    address: str = "hub:org/repo@main"

    def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
        if self.files is None:
            raise PullFailed("the hub cannot be reached")
        return self.files

    def fetch(
        self, files: Sequence[SourceFile], folder: Path, progress: FileProgress, stop: Stop
    ) -> None:
        raise AssertionError("nothing is fetched to see whether there is something new")


@pytest.mark.parametrize(
    ("installed", "offered", "state", "words"),
    [
        (MODEL, (FILE,), "current", "same files"),
        (MODEL, (OTHER,), "newer", "model.bin"),
        (MODEL, (), "newer", "model.bin"),
        (MODEL, None, "unknown", "the hub cannot be reached"),
        (replace(MODEL, source="file:x"), (FILE,), "unknown", "did not come from a hub"),
        (None, (FILE,), "unknown", "not whole"),
    ],
)
def test_what_is_known_of_a_newer_version(
    installed: Installed | None,
    offered: tuple[SourceFile, ...] | None,
    state: str,
    words: str,
) -> None:
    report = check_update("m:latest", installed, Stop(), lambda repository, names: Offer(offered))
    assert report.state == state
    assert words in report.words


def test_a_hub_is_asked_for_hashes_only(hub: LoopbackHub, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(tiny, folder)
    hub.repositories["someone/tiny"] = folder
    files = HubSource("someone/tiny", COMMIT, (tiny.name,)).list_files(Stop())
    model = replace(MODEL, source=f"hub:someone/tiny@{COMMIT}", source_files=files)

    assert check_update("m:latest", model, Stop()).state == "current"
    newer = folder.parent / "newer"
    newer.mkdir()
    (newer / tiny.name).write_bytes(tiny.read_bytes() + b"!")
    hub.repositories["someone/tiny"] = newer
    report = check_update("m:latest", model, Stop())
    assert (report.state, report.changed) == ("newer", (tiny.name,))
    assert not any("/store/" in request for request in hub.requests)
    hub.close()
    assert "hub" in check_update("m:latest", model, Stop()).words
