"""The request log: drafts come from `dispatch`, rows are written by one background task in batches.

Nothing on a request's way waits for the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, connection
from django.db.models import CharField

from inference.database import in_database_thread
from inference.models import RequestRecord

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
MOST_PROMPTS_WAITING = 100
"""Kept prompts and answers in memory while the database is busy; more records wait without."""
BATCH_ROWS = 500
PAUSE_SECONDS = 0.5
FLUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDraft:
    """One request's record, with exactly the fields of `RequestRecord`. Times are seconds; `prompt`
    and `answer` are what `inference.keeping` kept."""

    request_id: str
    received_at: datetime
    family: str
    endpoint: str
    model_name: str
    outcome: str
    client: str = ""
    routed_device: str = ""
    execution_device: str = ""
    reason: str = ""
    fallback_reason: str = ""
    explanation: str = ""
    chain: list[dict[str, Any]] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    predicted_seconds: float | None = None
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    queue_seconds: float = 0.0
    load_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    ttft_seconds: float = 0.0
    total_seconds: float = 0.0
    ignored: list[str] = field(default_factory=list)
    prompt: dict[str, Any] | None = None
    answer: str = ""


class Writer:
    """Holds what waits to be written. `submit` belongs to the event loop's thread."""

    def __init__(self) -> None:
        self.waiting: deque[RecordDraft] = deque(maxlen=MOST_WAITING)
        self.dropped = 0
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def submit(self, draft: RecordDraft) -> None:
        """Take a draft; when too many wait, the oldest is dropped and counted."""
        if len(self.waiting) == MOST_WAITING:
            self.dropped += 1
        if draft.prompt is not None:
            held = sum(1 for waiting in self.waiting if waiting.prompt is not None)
            if held >= MOST_PROMPTS_WAITING:
                draft = _without_prompt(draft)
        self.waiting.append(draft)
        self._filled.set()

    def forget_prompt(self, request_id: str) -> None:
        """Take the prompt and the answer from a draft that still waits. A batch that is being
        written has them; whoever changes the row in the database thread comes after it."""
        for place, draft in enumerate(self.waiting):
            if draft.request_id == request_id:
                self.waiting[place] = _without_prompt(draft)

    def start(self) -> None:
        """Begin writing, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="records")

    async def stop(self) -> None:
        """Write what waits, for two seconds at most, and end."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                while self.waiting:
                    await self._write_batch()
        except (TimeoutError, DatabaseError):
            log.warning("%d request records could not be written", len(self.waiting))

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            try:
                while self.waiting:
                    await self._write_batch()
            except DatabaseError as error:
                log.warning("request records wait, the database refuses them: %s", error)
                self._filled.set()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _write_batch(self) -> None:
        """Write the oldest; they leave the queue only when they are in the database."""
        batch = list(self.waiting)[:BATCH_ROWS]
        dropped = self.dropped
        await asyncio.shield(in_database_thread(write, batch))
        for _ in range(len(batch) - (self.dropped - dropped)):
            self.waiting.popleft()


def write(drafts: list[RecordDraft]) -> None:
    """Write drafts to the database; a draft that breaks a rule is logged and left out."""
    rows = [RequestRecord(**_fitting(draft)) for draft in drafts]
    try:
        RequestRecord.objects.bulk_create(rows, ignore_conflicts=True)
    except (IntegrityError, DataError):
        for row in rows:
            try:
                row.save(force_insert=True)
            except (IntegrityError, DataError) as error:
                log.warning("the record of %s was left out: %s", row.request_id, error)


_LENGTHS = {
    item.name: item.max_length
    for item in RequestRecord._meta.local_fields
    if isinstance(item, CharField) and item.max_length
}


def _fitting(draft: RecordDraft) -> dict[str, Any]:
    """The draft's fields with texts cut to their columns, which PostgreSQL insists on. A null
    character, which it refuses, can come in a client's model name."""
    values = asdict(draft)
    for name, length in _LENGTHS.items():
        values[name] = str(values[name]).replace("\x00", "\ufffd")[:length]
    return values


def _without_prompt(draft: RecordDraft) -> RecordDraft:
    return replace(draft, prompt=None, answer="")


_READ = [item.name for item in fields(RecordDraft) if item.name not in ("prompt", "answer")]
"""What is read back: kept prompts are large, and only for who asks for them by row."""


def _read(request_id: str) -> RecordDraft | None:
    row = RequestRecord.objects.filter(request_id=request_id).only(*_READ).first()
    return None if row is None else _draft_of(row)


def _read_newest(limit: int) -> list[RecordDraft]:
    rows = RequestRecord.objects.order_by("-received_at").only(*_READ)[:limit]
    return [_draft_of(row) for row in rows]


def _draft_of(row: RequestRecord) -> RecordDraft:
    return RecordDraft(**{name: getattr(row, name) for name in _READ})


def _forget_prompt(request_id: str) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # What is removed is to be gone from the file as well, not only from its index.
            cursor.execute("PRAGMA secure_delete = ON")
    RequestRecord.objects.filter(request_id=request_id).update(prompt=None, answer="")


_writer = Writer()


def submit(record: RecordDraft) -> None:
    """Hand over a finished request's record. Never blocks."""
    _writer.submit(record)


async def find(request_id: str) -> RecordDraft | None:
    """The record of a request that ended, written already or not yet, without what is kept of its
    prompt; None if there is none."""
    waiting = (draft for draft in _writer.waiting if draft.request_id == request_id)
    draft = next(waiting, None)
    return _without_prompt(draft) if draft else await in_database_thread(_read, request_id)


async def forget_prompt(request_id: str) -> None:
    """Remove the kept prompt and answer of a request, whether its row is written already or not;
    the row itself stays."""
    _writer.forget_prompt(request_id)
    await in_database_thread(_forget_prompt, request_id)


async def newest(limit: int) -> list[RecordDraft]:
    """The records received last, newest first, of those that are written."""
    return await in_database_thread(_read_newest, limit)


def start() -> None:
    """Begin writing, on the running loop; called by the appliance."""
    _writer.start()


async def stop() -> None:
    """Write what waits and end; called by the appliance."""
    await _writer.stop()


def dropped() -> int:
    """How many records were lost because the database could not keep up."""
    return _writer.dropped
