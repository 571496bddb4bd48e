"""Lines about work that takes long, the same in every family that has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from typing import Any, TypeVar

import orjson

from apis.calls import Call
from apis.faults import as_inference_error
from inference.catalog.progress import PullFrame
from inference.errors import InferenceError

Step = TypeVar("Step")


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


async def step_lines(
    call: Call,
    steps: AsyncIterable[Step],
    object_of: Callable[[Step], Mapping[str, Any]],
    error_object: Callable[[InferenceError], Mapping[str, Any]],
    *taken: Step,
) -> AsyncGenerator[bytes, None]:
    """Every step as a line of JSON, those before that were `taken` already; work that fails ends
    with its error."""
    try:
        for step in taken:
            yield orjson.dumps(object_of(step)) + b"\n"
        async for step in steps:
            yield orjson.dumps(object_of(step)) + b"\n"
    except Exception as error:  # the status is out already, so any error becomes a line
        told = as_inference_error(error, call.request_id)
        call.log_failure(told)
        yield orjson.dumps(error_object(told)) + b"\n"
