"""The one background thread in which the server's own tasks use the ORM.

Its callers (configuration, records, devices, the catalogue) write rarely. One thread means one
writer, so they never wait for each other's locks, and the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")


async def in_database_thread(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run a synchronous function that uses the ORM. Waits for earlier ones; once begun it is not
    interrupted by a cancel. Its connection is closed after it (1 ms), so none is ever stale."""

    def work() -> Result:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_thread, context.run, work)
