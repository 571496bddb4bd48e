"""Keeps a job's row about a second behind what happens."""

from __future__ import annotations

import time

from inference.catalog import job_rows
from inference.catalog.progress import PullStatus

_NOTED_SECONDS = 1.0
"""Progress goes to the database at most this often."""


class Notes:
    """The row of one job, as its `Progress.on_status` writes it."""

    def __init__(self, job_id: int) -> None:
        self._job_id = job_id
        self._next = 0.0

    def note(self, status: PullStatus) -> None:
        """Note where the job is, unless that was done just now."""
        if status.is_over or time.monotonic() < self._next:
            return  # how it ended is written with what it changed
        self._next = time.monotonic() + _NOTED_SECONDS
        job_rows.save_progress(self._job_id, status)
