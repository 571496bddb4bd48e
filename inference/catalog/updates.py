"""Whether the hub's repository that a model came from has other files now. Blocks for seconds;
belongs in a thread."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

from inference.catalog.errors import PullFailed
from inference.catalog.manifest import Installed
from inference.catalog.sources import Source, SourceFile
from inference.catalog.sources.hub import HubSource
from inference.catalog.stopping import Stop

NEWEST = "main"
_ADDRESS = re.compile(r"hub:(?P<repository>[^@]+)@(?P<revision>.+)")


class UpdateState(enum.StrEnum):
    """What is known of a newer version."""

    CURRENT = "current"
    NEWER = "newer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """`changed` are the files that the repository has otherwise now."""

    model: str
    source: str
    state: UpdateState
    words: str
    changed: tuple[str, ...] = ()


def check_update(
    model: str,
    installed: Installed | None,
    stop: Stop,
    open_source: Callable[[str, tuple[str, ...]], Source] = lambda repository, names: HubSource(
        repository, NEWEST, names
    ),
) -> UpdateReport:
    """Ask the hub for the files that this variant was made of. A hub out of reach is no error."""
    if installed is None:
        return UpdateReport(model, "", UpdateState.UNKNOWN, "its files are not whole; verify it")
    address = _ADDRESS.fullmatch(installed.source)
    if address is None:
        words = "it did not come from a hub, so there is nothing to compare it with"
        return UpdateReport(model, installed.source, UpdateState.UNKNOWN, words)
    names = tuple(file.name for file in installed.source_files)
    if not names:
        words = "its weights were made here, so there is nothing to compare them with"
        return UpdateReport(model, installed.source, UpdateState.UNKNOWN, words)
    try:
        offered = open_source(address["repository"], names).list_files(stop)
    except PullFailed as failure:
        words = f"it could not be checked: {failure.message}"
        return UpdateReport(model, installed.source, UpdateState.UNKNOWN, words)
    changed = changed_files(installed.source_files, offered)
    if not changed:
        words = "the hub has the same files"
        return UpdateReport(model, installed.source, UpdateState.CURRENT, words)
    words = f"the hub has other contents of {', '.join(changed)}"
    return UpdateReport(model, installed.source, UpdateState.NEWER, words, changed)


def changed_files(
    installed: tuple[SourceFile, ...], offered: tuple[SourceFile, ...]
) -> tuple[str, ...]:
    """Names of the files whose contents differ, or that are not offered any more."""
    now = {file.name: file for file in offered}
    return tuple(
        file.name
        for file in installed
        if (other := now.get(file.name)) is None or not other.is_same(file)
    )
