"""What the owner drops into the import folder becomes a model by itself.

A file or folder is imported when nothing about it has changed between two looks, so that one that
is still being copied is left alone. What was pulled since it last changed is left alone too,
whatever became of that: a model that its owner deleted does not come back, and what failed is not
tried again before it changes. No model that came from elsewhere is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.catalog import jobs
from inference.catalog.importable import Importable, look_at
from inference.catalog.transactions import short_transaction
from inference.database import in_database_thread
from inference.errors import InferenceError
from inference.models import Model, PullJob

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What tells whether a place has changed: its size, and when its files last did."""

    size_bytes: int
    changed_at: float


async def watch() -> None:
    """Look into the import folder for ever, and pull what arrives there."""
    looks = Looks()
    while True:
        try:
            await looks.look_again()
        except Exception:  # such as a database that is busy: the next look is another try
            log.exception("looking into the import folder")
        await asyncio.sleep(LOOK_SECONDS)


class Looks:
    """One look after the other."""

    def __init__(self) -> None:
        self._before: dict[str, Sight] = {}
        self._known: dict[str, Sight] = {}

    async def look_again(self) -> None:
        """Start pulling what arrived."""
        drop = jobs.models_folder().drop
        seen = await asyncio.to_thread(look, drop)
        for place in settled(seen, self._before, self._known):
            await _welcome(drop / place, seen[place])
            self._known[place] = seen[place]
        self._before = seen


def settled(
    seen: Mapping[str, Sight], before: Mapping[str, Sight], known: Mapping[str, Sight]
) -> list[str]:
    """The places that look as they did before, and were not dealt with as they look now."""
    return [
        place
        for place, sight in seen.items()
        if before.get(place) == sight and known.get(place) != sight
    ]


def look(drop: Path) -> dict[str, Sight]:
    """Everything in the import folder but hidden things and links. Blocks on the disk."""
    try:
        places = [path for path in sorted(drop.iterdir()) if not path.name.startswith(".")]
    except OSError:
        return {}
    sights = {}
    for path in places:
        try:
            if not path.is_symlink():
                sights[path.name] = _sight_of(path)
        except OSError:
            continue  # it went, or is not to be read, at this moment
    return sights


def _sight_of(path: Path) -> Sight:
    now = time.time()
    size, changed = 0, 0.0
    for each in _all_of(path):
        stat = each.lstat()
        size += stat.st_size
        # What is moved here keeps the time of its contents; the other one tells when it came. A
        # time that another machine's clock set ahead says nothing.
        changed = max(changed, stat.st_ctime, stat.st_mtime if stat.st_mtime <= now else 0.0)
    return Sight(size, changed)


def _all_of(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        yield from path.rglob("*")


async def _welcome(path: Path, sight: Sight) -> None:
    """Pull it, unless something speaks against it. The pull goes on by itself."""
    try:
        found = await asyncio.to_thread(look_at, path)
    except OSError:
        return
    if found.obstacle:
        log.info("%s lies in the import folder: %s", path.name, found.obstacle)
        return
    if reason := await in_database_thread(_reason_against, found, path, sight):
        log.info("%s lies in the import folder: %s", path.name, reason)
        return
    log.info("%s is imported from the import folder", found.model)
    try:
        await jobs.pull(found.request)
    except InferenceError as error:
        log.warning("%s cannot be imported: %s", path.name, error.message)


@short_transaction
def _reason_against(found: Importable, path: Path, sight: Sight) -> str:
    jobs_of_it = PullJob.objects.filter(source=f"file:{path.resolve()}"[:400])
    newest = jobs_of_it.order_by("-created_at").first()
    if newest is not None and newest.created_at.timestamp() >= sight.changed_at:
        return "it was pulled before"
    model = Model.objects.filter(name__iexact=found.model, status=Model.Status.READY).first()
    if model is not None and model.source != found.request:
        return f"there is another model {found.model}; pull {found.request} to replace it"
    return ""
