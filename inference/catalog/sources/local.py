"""Models that already lie on this machine's disk: an OpenVINO folder, a folder with a sentence
encoder's own files, or a .gguf file.

Whose word counts for which path: anybody who may pull can name what lies in the models folder's
`import/`, because the owner put it there. Any other path must be absolute, and the caller must say
that the request comes from the owner (`anywhere`; the API families grant it to loopback callers
and to the command line). Links are never followed: a link in a folder that others can write must
not make the server publish a file that they cannot read.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.catalog.choice import other_kind
from inference.catalog.encoders.files import files_of_encoder, holds_encoder
from inference.catalog.errors import PullFailed, Refused, UnknownModel
from inference.catalog.fit.kinds import SERVED, Kind, kind_of, refusal_of
from inference.catalog.integrity import hash_file
from inference.catalog.names import ModelName, parse_name
from inference.catalog.sources import MANIFEST_NAME, FileProgress, SourceFile
from inference.catalog.stopping import Stop
from inference.errors import InvalidRequest

_PIECE_BYTES = 1 << 20
_KEPT_SUFFIXES = frozenset({".xml", ".bin", ".json", ".jinja", ".txt", ".model"})
_NEEDED = (
    "openvino_model.xml",
    "openvino_model.bin",
    "openvino_tokenizer.xml",
    "openvino_detokenizer.xml",
    "config.json",
)


@dataclass(frozen=True, slots=True)
class LocalSource:
    """The model in `path`, a folder or a .gguf file."""

    path: Path

    @property
    def address(self) -> str:
        """Such as `file:phi-3`: the place's name only, because clients get to see it."""
        return f"file:{self.path.name}"

    def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
        """The files that make up the model, hashed as they are now (a second per gigabyte)."""
        paths = sorted(model_files(self.path))
        origin = self._origin
        try:
            return tuple(
                SourceFile(
                    path.relative_to(origin).as_posix(), path.stat().st_size, hash_file(path, stop)
                )
                for path in paths
            )
        except OSError as error:
            raise PullFailed(f"{self.path.name} cannot be read: {error.strerror}") from error

    def fetch(
        self, files: Sequence[SourceFile], folder: Path, progress: FileProgress, stop: Stop
    ) -> None:
        """Copy; the original may change or vanish afterwards."""
        for file in files:
            target = folder / file.name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(self._origin / file.name, target, file.name, progress, stop)
            except OSError as error:
                raise PullFailed(f"{file.name} cannot be copied: {error.strerror}") from error

    @property
    def _origin(self) -> Path:
        """What the files' names are relative to."""
        return self.path.parent if self.path.is_file() else self.path


def looks_like_path(text: str) -> bool:
    """Whether a client that sent `text` as a model's name means a place on disk."""
    return text.startswith(("file:", "/", "\\")) or bool(re.match(r"[A-Za-z]:[\\/]", text))


def find_path(text: str, drop_folder: Path, *, anywhere: bool) -> Path:
    """The place that `text` names, checked to be one the caller may name.

    `text` is absolute, or relative to `drop_folder` (with or without `file:`). Raises UnknownModel
    for what is not there and for what may not be named alike, so that nobody can ask which files
    exist; InvalidRequest for what is no path at all.
    """
    plain = re.sub(r"^file:(//)?", "", text)
    if not plain or "\0" in plain:
        raise InvalidRequest("invalid model name", field="model")
    try:
        inside = drop_folder.resolve()
        path = Path(drop_folder, plain)
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise UnknownModel from None
    if real.is_relative_to(inside) and real != inside:
        # The drop folder itself may be reached over a link; below it there must be none.
        linked = real != inside / path.absolute().relative_to(drop_folder.absolute())
    else:
        linked = not anywhere or not Path(plain).is_absolute()
    if linked:
        raise UnknownModel
    return real


def name_of(path: Path) -> ModelName:
    """The name a model gets from its place: letters outside the grammar become dashes."""
    stem = path.name[: -len(".gguf")] if path.name.lower().endswith(".gguf") else path.name
    cleaned = re.sub(r"[^a-z0-9_.-]+", "-", stem.lower()).strip("-.")[:80]
    if not cleaned:
        raise InvalidRequest("invalid model name", field="model")
    return parse_name(cleaned)


def model_files(path: Path) -> list[Path]:
    """The files that make up the model there. Raises Refused for what is not one."""
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise Refused(f"{path.name} is not a GGUF file")
        return [path]
    if holds_encoder(path):
        return list(files_of_encoder(path))
    files = [
        child
        for child in path.iterdir()
        if stat.S_ISREG(child.lstat().st_mode)
        and child.suffix.lower() in _KEPT_SUFFIXES
        and child.name != MANIFEST_NAME
    ]
    _refuse_what_has_no_runtime(path)
    missing = [name for name in _NEEDED if not any(file.name == name for file in files)]
    if missing:
        raise Refused(
            f"{path.name} is not a complete OpenVINO model: {', '.join(missing)} not there"
        )
    return files


def _refuse_what_has_no_runtime(folder: Path) -> None:
    """Say what a folder holds, rather than which files of another kind it lacks."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}  # it is missed below
    if isinstance(config, dict):
        described = kind_of(config, folder.name)
        if described not in SERVED and described is not Kind.OTHER:
            raise Refused(refusal_of(config, folder.name))
    if kind := other_kind([child.name for child in folder.iterdir()]):
        raise Refused(f"{folder.name} cannot be installed: {kind}")


def _copy(origin: Path, target: Path, name: str, progress: FileProgress, stop: Stop) -> None:
    with origin.open("rb") as original, target.open("wb") as copy:
        while piece := original.read(_PIECE_BYTES):
            stop.check()
            copy.write(piece)
            progress(name, copy.tell())
