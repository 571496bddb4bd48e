"""One page of the request log, however long it is: by its place between rows, never by an offset.

Measured by benchmarks/pages.py with 100,000 rows. Uses the ORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, QuerySet, Value
from django.db.models.functions import Concat

from inference.models import RequestRecord
from npuconsole.console.requests.filters import FAILED, FINISHED, NO_DEVICE, Cursor, Filters

PAGE_ROWS = 50
MOST_COUNTED = 1_000
MOST_CHOICES = 100
COMMON_ROWS = 1_000
"""Of a value with more rows the newest are found sooner by time than by the value's own index,
whose rows would all have to be sorted."""
CLIENTS_FROM_ROWS = 500
ENDED_WELL = ("stop", "length")
_UNREAD = ("prompt", "answer", "chain", "ignored")

Records = QuerySet[RequestRecord]


@dataclass(frozen=True, slots=True)
class LogPage:
    """Rows, newest first. `before` and `after` are the places of the neighbouring pages, None where
    there is none; `count` is of all that match, None where it is over MOST_COUNTED or was not
    asked for (on other pages than the newest)."""

    rows: Sequence[RequestRecord]
    before: Cursor | None
    after: Cursor | None
    count: int | None

    @property
    def is_newest(self) -> bool:
        """Whether new requests belong on it."""
        return self.after is None


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be filtered by, as far as the log has it."""

    models: Sequence[str]
    devices: Sequence[str]
    outcomes: Sequence[str]
    clients: Sequence[str]


def read_page(
    filters: Filters,
    now: datetime,
    *,
    before: Cursor | None = None,
    after: Cursor | None = None,
) -> LogPage:
    """The page before that place, or after it, or the newest."""
    matching = _matching(filters, now).defer(*_UNREAD)
    if after is not None and before is None:
        newer = matching.filter(received_at__gte=after.received_at).exclude(
            received_at=after.received_at, pk__lte=after.pk
        )
        rows = list(newer.order_by("received_at", "pk")[: PAGE_ROWS + 1])
        if len(rows) > PAGE_ROWS:
            rows = rows[:PAGE_ROWS][::-1]
            return LogPage(rows, _place(rows[-1]), _place(rows[0]), None)
        before = None  # fewer than a page are newer: the newest page has them all
    older = matching
    if before is not None:
        older = matching.filter(received_at__lte=before.received_at).exclude(
            received_at=before.received_at, pk__gte=before.pk
        )
    rows = list(older.order_by("-received_at", "-pk")[: PAGE_ROWS + 1])
    has_more, rows = len(rows) > PAGE_ROWS, rows[:PAGE_ROWS]
    last = _place(rows[-1]) if has_more else None
    if before is not None:
        return LogPage(rows, last, _place(rows[0]) if rows else before, None)
    return LogPage(rows, last, None, _count(matching) if has_more else len(rows))


def read_choices() -> Choices:
    """The values that the log has, each found by a step through its index, not by a scan."""
    newest = RequestRecord.objects.order_by("-received_at")
    clients = newest.values_list("client", flat=True)[:CLIENTS_FROM_ROWS]
    return Choices(
        models=_distinct("model_name"),
        devices=_distinct("execution_device"),
        outcomes=_distinct("outcome"),
        clients=list(dict.fromkeys(client for client in clients if client)),
    )


def _matching(filters: Filters, now: datetime) -> Records:
    records: Records = RequestRecord.objects.all()
    if filters.request_id:
        return records.filter(request_id=filters.request_id)
    if filters.model:
        records = records.filter(model_name=filters.model)
    if filters.family:
        records = records.filter(family=filters.family)
    if filters.client:
        records = records.filter(client=filters.client)
    if (since := filters.since(now)) is not None:
        records = records.filter(received_at__gte=since)
    if filters.device:
        device = "" if filters.device == NO_DEVICE else filters.device
        records = _having(records, "execution_device", [device])
    if filters.outcome == FINISHED:
        records = _having(records, "outcome", ENDED_WELL)
    elif filters.outcome == FAILED:
        well = (*ENDED_WELL, "cancelled")
        records = _having(records, "outcome", [o for o in _distinct("outcome") if o not in well])
    elif filters.outcome:
        records = records.filter(outcome=filters.outcome)
    return records


def _having(records: Records, column: str, values: Sequence[str]) -> Records:
    """Rows with one of those values. Where they are common, the column is hidden from the database,
    which would take its index and sort all of their rows (100 ms for 60,000)."""
    plain = Q((f"{column}__in", values))
    few = RequestRecord.objects.filter(plain).order_by().values("pk")[: COMMON_ROWS + 1]
    if few.count() <= COMMON_ROWS:
        return records.filter(plain)
    hidden = f"hidden_{column}"
    return records.alias(**{hidden: Concat(column, Value(""))}).filter((f"{hidden}__in", values))


def _count(records: Records) -> int | None:
    found = records.order_by().values("pk")[: MOST_COUNTED + 1].count()
    return found if found <= MOST_COUNTED else None


def _distinct(column: str) -> list[str]:
    """The values of an indexed column, in order: one look-up for each, whatever the rows."""
    found: list[str] = []
    rows = RequestRecord.objects.order_by()
    value = rows.aggregate(value=Min(column))["value"]
    while value is not None and len(found) < MOST_CHOICES:
        found.append(value)
        value = rows.filter(**{f"{column}__gt": value}).aggregate(value=Min(column))["value"]
    return found


def _place(row: RequestRecord) -> Cursor:
    return Cursor(row.received_at, row.pk)
