"""How long the request log keeps what it has: the oldest rows go, as the settings say.

Small batches in the database thread, so that neither a new record nor a page waits for a sweep.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError

from inference import snapshot
from inference.database import in_database_thread
from inference.models import RequestRecord

log = logging.getLogger(__name__)

BATCH_ROWS = 200
"""Deleted at once, in a few milliseconds; with kept prompts in all of them in a tenth of a
second."""
PAUSE_SECONDS = 0.05
SWEEP_SECONDS = 60.0


async def keep_tidy() -> None:
    """Sweep at start and once a minute, for as long as the server runs."""
    while True:
        settings = snapshot.current().settings
        try:
            deleted = await sweep(settings.records_kept, settings.records_kept_days)
        except DatabaseError as error:
            log.warning("old request records stay for now, the database refuses: %s", error)
        else:
            if deleted:
                log.info("%d old request records were deleted", deleted)
        await asyncio.sleep(SWEEP_SECONDS)


async def sweep(most_rows: int, most_days: int) -> int:
    """Delete what is older than so many days (0 = no age is too much), and the oldest of what is
    beyond so many rows. Returns how many went. Cancelling it ends it between two batches."""
    deleted = 0
    before = datetime.now(UTC) - timedelta(days=most_days) if most_days else None
    too_many = await in_database_thread(_count_beyond, most_rows)
    while True:
        batch = await in_database_thread(_delete_batch, before, min(BATCH_ROWS, too_many))
        if not batch:
            return deleted
        deleted += batch
        too_many = max(0, too_many - batch)
        await asyncio.sleep(PAUSE_SECONDS)


def _count_beyond(most_rows: int) -> int:
    return max(0, RequestRecord.objects.count() - most_rows)


def _delete_batch(before: datetime | None, too_many: int) -> int:
    """Delete the oldest `too_many`, or one batch of what is older than `before`."""
    oldest = RequestRecord.objects.order_by("received_at", "pk")
    if too_many:
        ids = list(oldest.values_list("pk", flat=True)[:too_many])
    elif before is not None:
        old = oldest.filter(received_at__lt=before)
        ids = list(old.values_list("pk", flat=True)[:BATCH_ROWS])
    else:
        ids = []
    if not ids:
        return 0
    deleted, _ = RequestRecord.objects.filter(pk__in=ids).delete()
    return deleted
