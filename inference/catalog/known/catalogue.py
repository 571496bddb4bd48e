"""The known models together: those that come with the program, and the owner's own before them."""

from __future__ import annotations

import difflib
import functools
import logging
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final

from inference import environment
from inference.catalog.known.entries import CatalogueFault, KnownModel, read_entries
from inference.catalog.names import DEFAULT_TAG, ModelName, parse_name

log = logging.getLogger(__name__)

OWN_FILE: Final = "models.toml"
"""The owner's file, in the data folder."""

_LARGEST_BYTES = 2**20
_CLOSE_ENOUGH = 0.6


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The known models. `problem` says why the owner's own file is not among them ("" = it is, or
    there is none)."""

    models: tuple[KnownModel, ...]
    problem: str = ""

    def find(self, name: ModelName) -> KnownModel | None:
        """The model that clients mean by that name."""
        return next(
            (
                model
                for model in self.models
                if any(parse_name(own).key == name.key for own in model.names)
            ),
            None,
        )

    def closest(self, name: ModelName, count: int = 3) -> tuple[str, ...]:
        """Known names that somebody may have meant who typed `name`, the closest first."""
        names = {
            _short(parse_name(own)).lower(): own for known in self.models for own in known.names
        }
        wanted = _short(name).lower()
        near = difflib.get_close_matches(wanted, names, count, _CLOSE_ENOUGH)
        # Another tag of the same model may be meant, however different it looks, or half a name.
        model = wanted.partition(":")[0]
        near += [short for short in names if short.partition(":")[0] == model]
        near += [short for short in names if len(model) > 2 and short.startswith(model)]
        return tuple(dict.fromkeys(names[short] for short in near))[:count]


def catalogue() -> Catalogue:
    """The known models now. Looks at the owner's file, and reads it when it has changed; blocks
    for microseconds, or some milliseconds the first time."""
    path = environment.home() / OWN_FILE
    try:
        stat = path.stat()
    except OSError:
        return Catalogue(_bundled())
    return _with_own(path, stat.st_mtime_ns, stat.st_size)


def _short(name: ModelName) -> str:
    """As people type it."""
    return name.display.removesuffix(f":{DEFAULT_TAG}")


@functools.cache
def _bundled() -> tuple[KnownModel, ...]:
    file = resources.files("inference.catalog.known") / "models.toml"
    return read_entries(file.read_text(encoding="utf-8"), file.name)


@functools.lru_cache(maxsize=4)
def _with_own(path: Path, modified_ns: int, size: int) -> Catalogue:
    del modified_ns  # the key under which it is remembered
    try:
        if size > _LARGEST_BYTES:
            raise CatalogueFault(f"{path.name}: larger than {_LARGEST_BYTES} bytes")
        own = read_entries(path.read_text(encoding="utf-8"), path.name)
    except (CatalogueFault, OSError, UnicodeDecodeError) as error:
        problem = str(error) if isinstance(error, CatalogueFault) else f"{path.name} is unreadable"
        log.warning("%s of the data folder is not used: %s", path.name, problem)
        return Catalogue(_bundled(), problem)
    taken = {parse_name(name).key for model in own for name in model.names}
    left = []
    for model in _bundled():
        names = tuple(name for name in model.names if parse_name(name).key not in taken)
        if names:
            left.append(replace(model, names=names))
    return Catalogue((*own, *left))


def npu_exports() -> tuple[str, ...]:
    """The repositories of known models' forms that are made for NPUs."""
    return tuple(
        export.repository
        for model in catalogue().models
        for export in model.exports
        if "NPU" in export.devices and export.repository
    )
