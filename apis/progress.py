"""A line of progress of a job, the same in every family that has them."""

from __future__ import annotations

from typing import Any

from inference.catalog.progress import PullFrame


def progress_object(frame: PullFrame) -> dict[str, Any]:
    """One line; numbers that are zero are left out, but for the size of a file."""
    line: dict[str, Any] = {"status": frame.status}
    if frame.digest:
        line["digest"] = frame.digest
    if frame.total or frame.digest:
        line["total"] = frame.total
    if frame.completed:
        line["completed"] = frame.completed
    return line
