"""`python -m tests.catalog.small_disk FOLDER FILE NAME`: a server reduced to its pulls whose data
folder, database included, is on the disk of FOLDER, which something else fills up meanwhile.

Installs FILE, pulls NAME, fills the disk in the middle of that, makes room again and pulls NAME
once more. Prints as JSON what a client heard and what was there after each.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import django

BALLAST = "ballast"


async def play(folder: Path, file: str, name: str) -> list[dict[str, Any]]:
    from inference.catalog import jobs

    await jobs.start()
    try:
        told = [await _end_of(await jobs.pull(file, anywhere=True))]
        watch = await jobs.pull(name)
        while watch.status.completed_bytes <= 1_000_000:
            assert not watch.status.is_over, watch.status
            await asyncio.sleep(0.01)
        _fill(folder / BALLAST)
        told.append(await _end_of(watch))
        (folder / BALLAST).unlink()
        told.append(await _end_of(await jobs.pull(name)))
        return told
    finally:
        await jobs.close()


async def _end_of(watch: Any) -> dict[str, Any]:
    from inference import upkeep
    from inference.catalog.errors import PullFailed
    from inference.catalog.jobs import models_folder
    from inference.database import in_database_thread

    try:
        await watch.finished()
        end = "success"
    except PullFailed as failure:
        end = failure.message
    return {
        "end": end,
        **await in_database_thread(_rows),
        "left_over": [path.name for path in (models_folder().root / ".work").iterdir()],
        "wrong": [finding.words for finding in await upkeep.examine() if finding.is_wrong],
    }


def _rows() -> dict[str, dict[str, str]]:
    from inference.models import Model, PullJob

    return {
        "models": dict(Model.objects.values_list("name", "status")),
        "jobs": dict(PullJob.objects.order_by("pk").values_list("model_name", "status")),
    }


def _fill(ballast: Path) -> None:
    """Until not one byte more fits."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC


if __name__ == "__main__":
    place = Path(sys.argv[1])
    os.environ["NPUCONSOLE_HOME"] = str(place / "home")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
    (place / "home").mkdir()
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps(asyncio.run(play(place, *sys.argv[2:]))))
