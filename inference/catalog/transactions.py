"""One short transaction for one function: how this room reads and writes rows, in a job's thread or
through `inference.database`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connections, transaction

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def short_transaction(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function in one transaction; its thread keeps no connection, which could go stale. Called
    in such a function it is part of that one's transaction."""

    @functools.wraps(function)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with transaction.atomic():
                return function(*args, **kwargs)
        finally:
            if not transaction.get_connection().in_atomic_block:
                connections.close_all()

    return run
