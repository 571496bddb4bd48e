"""Asks a hub for descriptions, in a child process. Blocks for a second or two."""

from __future__ import annotations

from types import MappingProxyType

from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.fit.description import Description, ListedFile
from inference.catalog.sources.hub_talk import ask
from inference.catalog.stopping import Stop

REACH_SECONDS = 3.0
"""A hub that has not begun to answer by then is out of reach."""


def describe_repository(repository: str, revision: str, stop: Stop) -> Description:
    """What the hub says of that repository. Raises UnknownModel when it has none of that name,
    PullFailed with the reason when it cannot be asked, Stopped."""
    told = ask(["describe", repository, revision], stop, reach_seconds=REACH_SECONDS)
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
        return not ask(["exists", repository], stop, reach_seconds=REACH_SECONDS).get("is_unknown")
    except PullFailed:
        return None
