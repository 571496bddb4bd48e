"""Which jobs the console shows, and what it says of them, as tables of cases."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inference.catalog.job_rows import JobRow
from inference.catalog.progress import PullStatus
from npuconsole.console.models.job_rows import JobCard, draw_jobs, kind_of
from npuconsole.console.models.work import is_behind

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def a_row(model: str = "a:1b", status: str = "done", **changes: Any) -> JobRow:
    facts: dict[str, Any] = {
        "id": 7,
        "model_name": model,
        "source": model,
        "status": status,
        "step": status,
        "total_bytes": 100,
        "completed_bytes": 40,
        "fraction": 0.4,
        "error": "",
        "created_at": NOW - timedelta(minutes=2),
        "finished_at": None if status in ("queued", "downloading", "paused") else NOW,
    }
    return JobRow(**(facts | changes))


def a_job(model: str = "a:1b", status: str = "downloading", **changes: Any) -> PullStatus:
    started = time.monotonic() - 10
    return PullStatus(model, status=status, started_at=started, fraction=0.5, **changes)


def draw(rows: list[JobRow], live: list[PullStatus] | None = None) -> tuple[JobCard, ...]:
    return draw_jobs(rows, live or [], (), NOW)


def test_a_job_under_way_is_shown_as_it_is_now_not_as_its_row_was() -> None:
    live = a_job(step="downloading", completed_bytes=60, total_bytes=100)
    (card,) = draw([a_row(status="downloading", source="convert someone/a to int4")], [live])
    assert (card.id, card.kind, card.fraction, card.completed_bytes) == (7, "convert", 0.5, 60)
    assert card.seconds_left == 10


def test_a_new_job_does_not_wear_the_row_of_the_one_before() -> None:
    (card,) = draw([a_row(status="failed", error="no")], [a_job("A:1b")])
    assert (card.id, card.status, card.error) == (0, "downloading", "")


@pytest.mark.parametrize(
    ("status", "minutes", "is_shown"),
    [
        ("paused", 100_000, True),
        ("failed", 100_000, True),
        ("done", 5, True),
        ("done", 11, False),
        ("cancelled", 5, True),
        ("cancelled", 11, False),
    ],
)
def test_what_needs_a_person_stays_and_what_is_done_goes(
    status: str, minutes: int, is_shown: bool
) -> None:
    moment = NOW - timedelta(minutes=minutes)
    row = a_row(status=status, created_at=moment, finished_at=moment)
    assert bool(draw([row])) is is_shown


def test_of_a_models_jobs_only_the_newest_counts() -> None:
    newest_first = [a_row(id=2), a_row(id=1, status="failed", error="no")]
    assert [card.id for card in draw(newest_first)] == [2]


def test_failures_come_first_then_what_moves_then_what_rests() -> None:
    rows = [a_row(status, status) for status in ("done", "paused", "downloading", "failed")]
    assert [card.status for card in draw(rows)] == ["failed", "downloading", "paused", "done"]


def test_a_name_that_nobody_knows_is_told_though_it_left_no_row() -> None:
    (card,) = draw([a_row(status="failed")])
    unknown = replace(card, id=0, model="nobody:1b", error="Nobody knows it.")
    cards = draw_jobs([], [], [unknown], NOW)
    assert [(one.model, one.error) for one in cards] == [("nobody:1b", "Nobody knows it.")]
    assert draw_jobs([], [a_job("nobody:1b")], [unknown], NOW)[0].error == ""


@pytest.mark.parametrize(
    ("request_text", "kind"),
    [
        ("smollm2:135m", "pull"),
        ("convert", "pull"),
        ("file:a b.gguf", "pull"),
        ("compress a:1b to int8", "compress"),
        ("convert someone/a to int4", "convert"),
    ],
)
def test_the_kind_of_a_job_follows_from_its_request(request_text: str, kind: str) -> None:
    assert kind_of(request_text) == kind


@pytest.mark.parametrize(
    ("rows", "live", "seen", "behind"),
    [
        ([], [], None, True),
        ([], [], frozenset(), False),
        ([a_row(status="downloading")], [a_job()], frozenset({"a:1b"}), False),
        ([], [a_job()], frozenset({"a:1b"}), True),  # its row comes in a moment
        ([a_row(status="downloading")], [], frozenset({"a:1b"}), True),  # it has ended
        ([a_row(status="downloading")], [], frozenset(), True),  # its end is not written yet
        ([a_row(status="paused"), a_row("b:1b")], [], frozenset(), False),
    ],
)
def test_rows_are_read_again_when_the_jobs_in_memory_say_so(
    rows: list[JobRow], live: list[PullStatus], seen: frozenset[str] | None, behind: bool
) -> None:
    assert is_behind(rows, live, seen) is behind
