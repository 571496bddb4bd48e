"""Asks a hub for descriptions, in a child process. Blocks for a second or two."""

from __future__ import annotations

import json
import time
from types import MappingProxyType
from typing import Any

from inference.catalog.children import TookTooLong, run_child
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.fit.description import Description, ListedFile
from inference.catalog.stopping import Stop

REACH_SECONDS = 3.0
"""A hub that has not begun to answer by then is out of reach."""
_LONGEST_SECONDS = 60.0
_CLIENT = "inference.catalog.sources.hub_description"
_ENVIRONMENT = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def describe_repository(repository: str, revision: str, stop: Stop) -> Description:
    """What the hub says of that repository. Raises UnknownModel when it has none of that name,
    PullFailed with the reason when it cannot be asked, Stopped."""
    told = _ask(["describe", repository, revision], stop)
    if told.get("is_unknown"):
        raise UnknownModel
    header = told["header"]
    facts = {
        "architecture": header.get("architecture"),
        "parameter_count": header.get("total"),
        "context_length": header.get("context_length"),
    }
    return Description(
        name=repository,
        files=tuple(ListedFile(item["name"], item["size_bytes"]) for item in told["files"]),
        texts=MappingProxyType(told["texts"]),
        graph_tail=told["graph_tail"],
        facts=MappingProxyType({key: value for key, value in facts.items() if value}),
    )


def is_on_hub(repository: str, stop: Stop) -> bool | None:
    """Whether the hub has it; None when the hub cannot be asked. Raises Stopped."""
    try:
        return not _ask(["exists", repository], stop).get("is_unknown")
    except PullFailed:
        return None


def _ask(arguments: list[str], stop: Stop) -> dict[str, Any]:
    last: dict[str, Any] = {}
    deadline: float | None = None

    def hear(line: str) -> None:
        nonlocal last, deadline
        last = json.loads(line)
        deadline = time.monotonic() + REACH_SECONDS if "asking" in last else None

    def look_at_the_clock() -> None:
        if deadline is not None and time.monotonic() > deadline:
            raise PullFailed(f"the hub did not answer within {REACH_SECONDS:g} seconds")

    try:
        ended = run_child(
            _CLIENT,
            arguments,
            stop=stop,
            timeout_seconds=_LONGEST_SECONDS,
            on_line=hear,
            on_tick=look_at_the_clock,
            environment=_ENVIRONMENT,
        )
    except TookTooLong:
        raise PullFailed("the hub did not answer in time") from None
    if "error" in last:
        raise PullFailed(str(last["error"]), retry=bool(last.get("retry", True)))
    if ended.code != 0 or "done" not in last:
        raise PullFailed("the hub's client ended without an answer")
    return last
