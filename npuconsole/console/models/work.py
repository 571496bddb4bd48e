"""What goes on with the models beside requests, for the live picture: jobs, chores, and a stamp
that changes with what the page of the installed models shows.

Rows of jobs are read in the database thread whenever the jobs in memory say that they changed, so
the picture itself reads memory only.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from inference import snapshot
from inference.calibration import runs
from inference.catalog import jobs
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.job_rows import JobRow
from inference.catalog.jobs import PullWatch
from inference.catalog.progress import PullStatus
from inference.snapshot import Snapshot
from npuconsole.console.models.chores import Chore, ChoreBoard
from npuconsole.console.models.job_rows import JobCard, draw_jobs, milliseconds
from npuconsole.console.words import sentence

log = logging.getLogger(__name__)

ROWS_READ = 100
MOST_UNRECORDED = 10


@dataclass(frozen=True, slots=True)
class ModelWork:
    """All of it. Two pages with the same `stamp` show the same installed models."""

    jobs: tuple[JobCard, ...] = ()
    chores: tuple[Chore, ...] = ()
    stamp: str = ""


class JobBoard:
    """The newest jobs, as rows and as what is known in memory. On the event loop."""

    def __init__(self) -> None:
        self._rows: tuple[JobRow, ...] = ()
        self._seen: frozenset[str] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._unrecorded: dict[str, JobCard] = {}
        self._followers: set[asyncio.Task[None]] = set()

    def read(self) -> tuple[JobCard, ...]:
        """The cards now. Reads memory; has the rows read again when they are behind."""
        live = jobs.active_jobs()
        if is_behind(self._rows, live, self._seen) and self._renewal is None:
            self._renewal = asyncio.create_task(self._renew_soon(), name="rows of jobs")
        return draw_jobs(self._rows, live, self._unrecorded.values(), datetime.now(UTC))

    async def renew(self) -> None:
        """Read the rows; returns when `read` knows them."""
        seen = names_of(jobs.active_jobs())
        self._rows = tuple(await jobs.newest(ROWS_READ))
        self._seen = seen

    def follow(self, watch: PullWatch) -> None:
        """Remember it if the job ends without leaving a row, as those of unknown names do."""
        self.forget(watch.model_name)
        task = asyncio.create_task(self._follow(watch), name=f"following {watch.model_name}")
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    def forget(self, model: str) -> None:
        """Somebody has read that the name is unknown, or tries again."""
        self._unrecorded.pop(model.lower(), None)

    async def _renew_soon(self) -> None:
        try:
            await self.renew()
        except Exception:  # the next picture tries again; the pages go on with what they know
            log.exception("the rows of jobs could not be read")
        finally:
            self._renewal = None

    async def _follow(self, watch: PullWatch) -> None:
        try:
            await watch.finished()
        except UnknownModel as error:
            words = _words_of(error)
            now = milliseconds(datetime.now(UTC))
            name = watch.model_name
            self._unrecorded[name.lower()] = JobCard(
                0, name, "pull", "failed", "", 0.0, 0, 0, None, words, now
            )
            while len(self._unrecorded) > MOST_UNRECORDED:
                del self._unrecorded[next(iter(self._unrecorded))]
        except PullFailed:
            return  # its row says so


def is_behind(
    rows: Sequence[JobRow], live: Sequence[PullStatus], seen: frozenset[str] | None
) -> bool:
    """Whether rows that were read when the jobs `seen` were under way (None = never) no longer tell
    of the jobs `live`. Pure."""
    names = names_of(live)
    active = {row.model_name.lower() for row in rows if row.status in jobs.ACTIVE}
    return seen is None or names != seen or names != active


def names_of(live: Sequence[PullStatus]) -> frozenset[str]:
    """The models of those jobs, in lower case."""
    return frozenset(status.model_name.lower() for status in live)


def stamp_of(picture: Snapshot) -> str:
    """Changes with what the pages show of the models. Pure."""
    shown = [
        [(m.name, m.status, m.modified_at, len(m.variants)) for m in picture.models.values()],
        sorted(picture.pins),
        sorted(
            (*pair, passport.is_verified, passport.verified_prompt_tokens)
            for pair, passport in picture.passports.items()
        ),
        [(device.name, device.present, device.enabled) for device in picture.devices],
    ]
    return f"{zlib.crc32(orjson.dumps(shown)):08x}"


def read_work() -> ModelWork:
    """What goes on now. Reads memory only; runs on the event loop."""
    picture = snapshot.current()
    if _stamped.picture is not picture:
        _stamped.picture, _stamped.stamp = picture, stamp_of(picture)
    return ModelWork(board.read(), _with_background(chores.read()), _stamped.stamp)


def _with_background(asked: tuple[Chore, ...]) -> tuple[Chore, ...]:
    """What somebody asked for, and the measuring that goes on without anybody's asking."""
    step = runs.under_way()
    if step is None or any(
        (chore.kind, chore.model, chore.device) == ("measure", step.model, step.device)
        for chore in asked
    ):
        return asked
    return (*asked, Chore(0, "measure", step.model, step.device, "running", step.words, 0.0, 0))


def _words_of(error: UnknownModel) -> str:
    if type(error) is UnknownModel:  # Ollama's clients compare its text; people need another
        near = f" Did you mean {' or '.join(error.suggestions)}?" if error.suggestions else ""
        return f"Nobody knows a model of this name.{near}"
    return sentence(error.message)


class _Stamped:
    picture: Snapshot | None = None
    stamp = ""


_stamped = _Stamped()
board = JobBoard()
chores = ChoreBoard()
