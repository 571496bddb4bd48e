"""One conversion as a job of the server: from which repository or folder, to what, under which
name. Runs in threads; `order` looks at the disk and asks nobody, the rest is the job's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inference.catalog import extras, job_rows, rows
from inference.catalog.conversion.source_files import EXCLUDED, PATTERNS, read_config, refuse_unfit
from inference.catalog.errors import Refused
from inference.catalog.fetching import Fetched
from inference.catalog.folders import ModelsFolder
from inference.catalog.import_child import ImportRefused
from inference.catalog.install import fetch_from_first
from inference.catalog.making import Limits, Made, Making, check_disk, make_with
from inference.catalog.manifest import Installed
from inference.catalog.names import ModelName, parse_name
from inference.catalog.progress import Progress
from inference.catalog.recipes import Plan
from inference.catalog.recompression.order import LIMITS as COMPRESSION_LIMITS
from inference.catalog.recompression.order import MODULE as COMPRESSION
from inference.catalog.recompression.targets import Target, read_target
from inference.catalog.sources import SourceFile, bytes_under
from inference.catalog.sources.hub import HubSource
from inference.catalog.sources.local import find_path, looks_like_path
from inference.catalog.stopping import Stop
from inference.errors import InvalidRequest

MODULE = "inference.catalog.conversion"
FLOATS = "fp16"
"""The target that stays as it is exported; the others are those of a recompression."""

_LIMITS = Limits(seconds=1200.0, seconds_per_gigabyte=600.0)
_REPOSITORY = re.compile(r"(hf\.co/|hub:)?([\w.-]{1,96}/[\w.-]{1,96})(@[\w.-]{1,120})?", re.ASCII)
_MAIN = "main"
_FETCHED = 0.65
"""Where the child begins in all of the job, after what fetching tells of itself."""


@dataclass(frozen=True, slots=True)
class _Order:
    request: str
    name: ModelName
    target: Target | None  # None: stays in 16-bit floats
    is_forced: bool
    folder: Path | None = None
    repository: str = ""
    revision: str = _MAIN


def order(
    source: str, to: str, name: ModelName | None, *, is_forced: bool, drop: Path, anywhere: bool
) -> Making:
    """The job that makes `to` of `source`: a hub's `org/name`, with @revision if need be, or a
    folder (below the import folder `drop`; with `anywhere` any absolute path).

    Raises ExtraMissing without the exporter, InvalidRequest for what is no source or no target,
    UnknownModel for a folder that is not there or may not be named.
    """
    target = None if to.strip().lower() == FLOATS else _target(to)
    if looks_like_path(source):
        folder = find_path(source, drop, anywhere=anywhere)
        if not folder.is_dir():
            raise InvalidRequest("source: a folder with safetensors is needed", field="source")
        wanted = _Order(source, name or _name_of(folder.name, target), target, is_forced, folder)
        shown = f"file:{folder.name}"
    else:
        found = _REPOSITORY.fullmatch(source.strip())
        if found is None or ".." in source:
            raise InvalidRequest(
                "source: neither a hub's repository (org/name) nor a folder", field="source"
            )
        repository, revision = found[2], (found[3] or f"@{_MAIN}")[1:]
        own = name or _name_of(repository.rpartition("/")[2], target)
        wanted = _Order(source, own, target, is_forced, None, repository, revision)
        shown = f"{repository}@{revision}"
    extras.require(extras.CONVERT)
    words = f"{job_rows.CONVERT}{shown} to {target or FLOATS} as {wanted.name.display}"
    return Making(wanted.name, words, partial(_make, wanted), partial(_write_rows, wanted))


def _target(to: str) -> Target:
    try:
        return read_target(to)
    except InvalidRequest:
        allowed = ", ".join((FLOATS, *Target))
        raise InvalidRequest(f"to: {to[:40]!r} is not one of {allowed}", field="to") from None


def _name_of(text: str, target: Target | None) -> ModelName:
    """What it is called if nobody says: after its source, as far as names have such letters."""
    cleaned = re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).strip("-.")[:80]
    return parse_name(f"{cleaned or 'model'}:{target or FLOATS}")


def _make(wanted: _Order, work: Path, progress: Progress, stop: Stop) -> Made:
    origin = f"file:{wanted.folder.name}" if wanted.folder else ""
    source = wanted.folder
    files: tuple[SourceFile, ...] = ()
    if source is None:
        fetched = _fetch(wanted, work, progress, stop)
        source, origin, files = fetched.folder, fetched.source, fetched.files
    _refuse_early(source)
    size_bytes = bytes_under(source)
    check_disk(work, 2 * size_bytes)
    libraries = extras.require(extras.CONVERT)
    exported = work / "exported"
    begins, converted = (0.0, 0.5) if wanted.folder else (_FETCHED, 0.8)
    make_with(
        MODULE,
        [str(source), str(exported)],
        size_bytes=size_bytes,
        limits=_LIMITS,
        shares=(begins, converted if wanted.target else 1.0),
        python_path=libraries,
        progress=progress,
        stop=stop,
    )
    if wanted.target is None:
        return Made(exported, origin, files)
    made = work / "made"
    make_with(
        COMPRESSION,
        [
            str(exported),
            str(made),
            "--to",
            wanted.target,
            *(["--force"] if wanted.is_forced else []),
        ],
        size_bytes=bytes_under(exported),
        limits=COMPRESSION_LIMITS,
        shares=(converted, 1.0),
        python_path=libraries,
        progress=progress,
        stop=stop,
    )
    return Made(made, origin, files)


def _fetch(wanted: _Order, work: Path, progress: Progress, stop: Stop) -> Fetched:
    hub = HubSource(wanted.repository, wanted.revision, PATTERNS, excluded=EXCLUDED)
    plan = Plan(wanted.name, wanted.request, (hub,))
    # Among no models: what is made of these files depends on more than the files.
    none = ModelsFolder(work / "none", work)
    fetched = fetch_from_first(plan, none, work, progress, stop)
    assert not isinstance(fetched, Installed)
    return fetched


def _refuse_early(source: Path) -> None:
    """In this process already, because importing the exporter alone takes seconds."""
    try:
        refuse_unfit(read_config(source), [path.name for path in source.iterdir()])
    except ImportRefused as error:
        raise Refused(str(error)) from None


def _write_rows(wanted: _Order, job_id: int, installed: Installed, root: Path) -> list[Path]:
    plan = Plan(wanted.name, wanted.request, ())
    return job_rows.publish(job_id, plan, [rows.Form(installed)], root)
