"""The jobs that make models, as the console shows them: what is under way, what rests, what failed
and waits for a person, and for a while what was done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from npuconsole.console.words import describe_step

if TYPE_CHECKING:
    from inference.catalog.job_rows import JobRow
    from inference.catalog.progress import PullStatus

SHOWN_WHEN_OVER = timedelta(minutes=10)
MOST_SHOWN = 20
_ORDER = ("failed", "importing", "downloading", "queued", "paused", "done", "cancelled")
_UNFINISHED = ("queued", "downloading", "importing", "paused")


@dataclass(frozen=True, slots=True)
class JobCard:
    """One job. `id` is 0 as long as it has no row, or if it never got one; `kind` is pull, compress
    or convert; `fraction` is of the whole job, 0 to 1; `at` (milliseconds since 1970) is when it
    began, or ended."""

    id: int
    model: str
    kind: str
    status: str
    words: str
    fraction: float
    completed_bytes: int
    total_bytes: int
    seconds_left: int | None
    error: str
    at: int

    @property
    def is_over(self) -> bool:
        """Whether nothing will change unless somebody does something."""
        return self.status not in _UNFINISHED


def kind_of(source: str) -> str:
    """What a job does, by the request that its row keeps: those that make a model of another one
    begin with the word (`inference.catalog.making_rows`)."""
    word = source.partition(" ")[0]
    return word if " " in source and word in ("compress", "convert") else "pull"


def draw_jobs(
    rows: Sequence[JobRow],
    live: Sequence[PullStatus],
    unrecorded: Iterable[JobCard],
    now: datetime,
) -> tuple[JobCard, ...]:
    """The cards, one for each model: of `rows` (newest first) the newest, with what is known now of
    the job in `live`. `unrecorded` are failures without a row, of names that nobody knows."""
    cards: dict[str, JobCard] = {}
    for row in rows:
        cards.setdefault(row.model_name.lower(), _of_row(row))
    for failure in unrecorded:
        cards[failure.model.lower()] = failure
    for status in live:
        key = status.model_name.lower()
        cards[key] = _of_live(status, cards.get(key), now)
    oldest = int((now - SHOWN_WHEN_OVER).timestamp() * 1000)
    shown = [
        card
        for card in cards.values()
        if card.status in _UNFINISHED or card.status == "failed" or card.at >= oldest
    ]
    shown.sort(key=lambda card: (_ORDER.index(card.status), card.at))
    return tuple(shown[:MOST_SHOWN])


def _of_row(row: JobRow) -> JobCard:
    return JobCard(
        id=row.id,
        model=row.model_name,
        kind=kind_of(row.source),
        status=row.status,
        words=describe_step(row.step),
        fraction=round(row.fraction, 4),
        completed_bytes=row.completed_bytes,
        total_bytes=row.total_bytes,
        seconds_left=None,
        error=row.error,
        at=milliseconds(row.finished_at or row.created_at),
    )


def _of_live(status: PullStatus, before: JobCard | None, now: datetime) -> JobCard:
    if before is None or before.is_over:  # its own row is not read yet
        before = JobCard(
            0, status.model_name, "pull", "queued", "", 0.0, 0, 0, None, "", milliseconds(now)
        )
    return replace(
        before,
        status=status.status,
        words=describe_step(status.step),
        fraction=round(status.fraction, 4),
        completed_bytes=status.completed_bytes,
        total_bytes=status.total_bytes,
        seconds_left=status.seconds_left if status.fraction >= 0.02 else None,
        error="",
    )


def milliseconds(moment: datetime) -> int:
    """Since 1970, as browsers count."""
    return int(moment.timestamp() * 1000)
