"""The models folder: what lies where, and what a dead job may have left in it.

    <models>/installed/<name>+<weights>-<digest>/   one finished variant, never changed afterwards
    <models>/import/                                what the owner drops here can be pulled by name
    <models>/blobs/sha256-<digest>                  what clients upload to make models from
    <models>/.work/<server>-<job>/                  a job under way; becomes a variant by one rename
    <models>/.work/<server>-dl-<model>-<files>/     what a job has downloaded so far; outlives it
    <models>/.quarantine/                           damaged variants (`catalog.verification`)
    <models>/.unsettled/<server>@<variant>          folders between two states (`catalog.unsettled`)

`<name>` is the model's name with `+` for `/` and `@` for `:`, which no name contains; `<digest>`
are twelve digits of the content digest. All three folders lie on one volume, so that the rename
is atomic. `<server>` is made from the data folder: servers that share a models folder sweep only
what is theirs.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.catalog.names import ModelName

_LONGEST_SLUG = 120
_ABANDONED_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ModelsFolder:
    """The folder at `root`, as seen by the server whose data folder is `home`."""

    root: Path
    home: Path

    @property
    def installed(self) -> Path:
        return self.root / "installed"

    @property
    def drop(self) -> Path:
        """The import folder."""
        return self.root / "import"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def work(self) -> Path:
        return self.root / ".work"

    @property
    def quarantine(self) -> Path:
        return self.root / ".quarantine"

    @property
    def unsettled(self) -> Path:
        return self.root / ".unsettled"

    @property
    def server(self) -> str:
        """What tells this server's work from that of others in the same models folder."""
        return self._server

    def create(self) -> None:
        """Make what is missing. Raises OSError when the place cannot be written."""
        for folder in (self.installed, self.drop, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    def new_work_folder(self) -> Path:
        """An empty folder for one job."""
        folder = self.work / f"{self._server}-{uuid.uuid4().hex[:12]}"
        folder.mkdir(parents=True)
        return folder

    def download_folder(self, name: ModelName, what: str) -> Path:
        """Where the files that `what` identifies are downloaded to for that model: the same place
        whenever it is asked for."""
        digest = hashlib.sha256(what.encode()).hexdigest()[:12]
        return self.work / f"{self._downloads_of(name)}{digest}"

    def discard_downloads(self, name: ModelName) -> None:
        """Remove what has been downloaded for that model and is not part of a finished variant."""
        for folder in self.work.glob(f"{self._downloads_of(name)}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def variant_folder(self, name: ModelName, weight_format: str, digest: str) -> Path:
        """Where the variant with these contents belongs."""
        return self.installed / f"{_slug(name)}+{weight_format}-{digest[:12]}"

    def variants_of(self, name: ModelName) -> Iterator[Path]:
        """Finished folders of that model, newest first, whether or not a row knows them."""
        if not self.installed.is_dir():
            return iter(())
        prefix = f"{_slug(name)}+"
        found = [path for path in self.installed.iterdir() if path.name.startswith(prefix)]
        return iter(sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))

    def sweep(self, wanted: Iterable[ModelName] = ()) -> int:
        """Remove what dead jobs left, but for the downloads of the models `wanted`, whose jobs go
        on; return how many. Only when no job of this server runs."""
        removed = 0
        kept = tuple(self._downloads_of(name) for name in wanted)
        for folder in self.work.iterdir() if self.work.is_dir() else ():
            if kept and folder.name.startswith(kept):
                continue
            mine = folder.name.startswith(f"{self._server}-")
            if mine or time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed

    def _downloads_of(self, name: ModelName) -> str:
        return f"{self._server}-dl-{hashlib.sha256(name.key.encode()).hexdigest()[:12]}-"

    @property
    def _server(self) -> str:
        return hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:8]


def _slug(name: ModelName) -> str:
    slug = name.key.replace("/", "+").replace(":", "@")
    if len(slug) > _LONGEST_SLUG:
        slug = f"{slug[:_LONGEST_SLUG]}~{hashlib.sha256(slug.encode()).hexdigest()[:12]}"
    return slug
