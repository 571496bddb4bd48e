"""How long the request log keeps what it has."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from inference import records, retention, snapshot
from inference.configuration import load
from inference.database import in_database_thread
from inference.models import RequestRecord, Setting
from inference.records import RecordDraft

pytestmark = pytest.mark.usefixtures("rows")


def write(count: int, *, newest: datetime | None = None, apart: timedelta) -> None:
    newest = newest or datetime.now(UTC)
    records.write(
        [
            RecordDraft(
                request_id=f"req_{number:024x}",
                received_at=newest - number * apart,
                family="ollama",
                endpoint="/api/chat",
                model_name="tiny:1m",
                outcome="stop",
            )
            for number in range(count)
        ]
    )


def left() -> list[int]:
    """The numbers of the rows that are left, newest first."""
    ids = RequestRecord.objects.order_by("-received_at").values_list("request_id", flat=True)
    return [int(request_id[4:], 16) for request_id in ids]


@pytest.mark.parametrize(
    ("most_rows", "most_days", "expected"),
    [
        (100, 0, 100),
        (100, 5, 5),
        (3, 5, 3),
        (1000, 0, 100),
        (1000, 1000, 100),
        (99, 1000, 99),
    ],
)
async def test_the_oldest_rows_go_by_number_and_by_age(
    most_rows: int, most_days: int, expected: int
) -> None:
    await in_database_thread(write, 100, apart=timedelta(days=1))

    deleted = await retention.sweep(most_rows, most_days)

    assert await in_database_thread(left) == list(range(expected))
    assert deleted == 100 - expected


async def test_a_sweep_takes_turns_with_what_else_uses_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await in_database_thread(write, 100, apart=timedelta(days=1))
    monkeypatch.setattr(retention, "BATCH_ROWS", 10)
    sweep = asyncio.create_task(retention.sweep(10, 0))

    counts = set()
    while not sweep.done():
        counts.add(await in_database_thread(RequestRecord.objects.count))

    assert len(counts) > 3, "others had their turn between the batches"
    assert await in_database_thread(left) == list(range(10))


async def test_the_owners_settings_are_what_is_swept_by() -> None:
    def ask_for_a_week() -> None:
        write(100, apart=timedelta(days=1))
        Setting.objects.filter(key="records_kept_days").update(value=7)
        snapshot.replace_with(load())

    await in_database_thread(ask_for_a_week)
    tidy = asyncio.create_task(retention.keep_tidy())
    async with asyncio.timeout(5):
        while await in_database_thread(RequestRecord.objects.count) > 7:
            await asyncio.sleep(0.02)
    tidy.cancel()

    assert await in_database_thread(left) == list(range(7))
