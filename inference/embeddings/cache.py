"""Vectors that were computed before: the ones used last, in memory."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.embeddings.vectors import Vectors

Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Known:
    """A vector as the engine gave it ([E], not normalised), and the device that computed it."""

    vector: Vectors
    device: str


def key_of(digest: str, ids: Sequence[int]) -> Key:
    """Equal for the same tokens and the same weights, whatever the model is called."""
    return digest, array("I", ids).tobytes()


class VectorCache:
    """At most so many entries as each call says: the owner's setting may change at any time.
    Touched by the event loop only."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key, capacity: int) -> Known | None:
        """What is known, which then counts as just used."""
        self._shrink(capacity)
        known = self._entries.get(key)
        if known is not None:
            self._entries.move_to_end(key)
        return known

    def keep(self, key: Key, known: Known, capacity: int) -> None:
        """Remember it; the longest unused is forgotten for it."""
        self._entries[key] = known
        self._entries.move_to_end(key)
        self._shrink(capacity)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _shrink(self, capacity: int) -> None:
        while len(self._entries) > capacity:
            self._entries.popitem(last=False)
