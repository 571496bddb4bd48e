"""The request log: batches, bounds, and what a refusing database does."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from inference import records
from inference.database import in_database_thread
from inference.models import RequestRecord
from inference.records import MOST_WAITING, RecordDraft, Writer

pytestmark = pytest.mark.usefixtures("rows")


def draft(number: int = 0) -> RecordDraft:
    return RecordDraft(
        request_id=f"req_{number:024x}",
        received_at=datetime.now(UTC),
        family="ollama",
        endpoint="/api/chat",
        model_name="tiny:1m",
        outcome="stop",
        total_seconds=1.0,
    )


async def rows_written(count: int) -> None:
    async with asyncio.timeout(5):
        while await RequestRecord.objects.acount() < count:
            await asyncio.sleep(0.02)


def test_a_draft_has_exactly_the_fields_of_a_row() -> None:
    columns = {field.name for field in RequestRecord._meta.local_fields} - {"id"}

    assert {field.name for field in fields(RecordDraft)} == columns


async def test_drafts_become_rows_within_a_second() -> None:
    writer = Writer()
    writer.start()

    for number in range(1200):
        writer.submit(draft(number))

    await rows_written(1200)
    await writer.stop()


async def test_what_waits_is_written_at_the_stop() -> None:
    writer = Writer()
    writer.start()
    writer.submit(draft())

    await writer.stop()

    assert await RequestRecord.objects.acount() == 1
    assert not writer.waiting


def test_when_too_many_wait_the_oldest_are_dropped_and_counted() -> None:
    writer = Writer()

    for number in range(MOST_WAITING + 5):
        writer.submit(draft(number))

    assert (len(writer.waiting), writer.dropped) == (MOST_WAITING, 5)
    assert writer.waiting[0].request_id == draft(5).request_id


async def test_a_database_that_refuses_for_a_while_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write, refusals = records.write, [OperationalError("database is locked")] * 2

    def write_at_the_third_try(drafts: list[RecordDraft]) -> None:
        if refusals:
            raise refusals.pop()
        write(drafts)

    monkeypatch.setattr(records, "write", write_at_the_third_try)
    monkeypatch.setattr(records, "PAUSE_SECONDS", 0.05)
    writer = Writer()
    writer.start()
    writer.submit(draft())

    await rows_written(1)
    await writer.stop()


def test_a_draft_that_breaks_a_rule_does_not_hold_up_the_others() -> None:
    impossible = replace(draft(1), queue_seconds=5.0, total_seconds=1.0)

    records.write([draft(0), impossible, draft(2)])

    assert RequestRecord.objects.count() == 2


def test_a_draft_written_twice_is_one_row() -> None:
    records.write([draft()])
    records.write([draft()])

    assert RequestRecord.objects.count() == 1


def test_texts_are_cut_to_their_columns() -> None:
    records.write([replace(draft(), model_name="m" * 5000, error="e\x00" * 5000)])

    row = RequestRecord.objects.get()
    assert (len(row.model_name), len(row.error)) == (250, 500)
    assert "\x00" not in row.error


async def test_a_record_is_found_before_and_after_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = Writer()
    monkeypatch.setattr(records, "_writer", writer)
    whole = replace(draft(1), chain=[{"device": "NPU", "tokens": 3}], predicted_seconds=2.5)
    writer.submit(whole)

    waiting = await records.find(whole.request_id)
    await in_database_thread(records.write, [whole])
    writer.waiting.clear()
    written = await records.find(whole.request_id)

    assert waiting == written == whole
    assert await records.find(draft(2).request_id) is None


async def test_the_newest_records_come_first() -> None:
    await in_database_thread(records.write, [draft(number) for number in range(5)])

    newest = await records.newest(3)

    assert [record.request_id for record in newest] == [draft(n).request_id for n in (4, 3, 2)]
