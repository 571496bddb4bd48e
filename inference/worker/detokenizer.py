"""Token ids to text, incrementally: what is sent is always complete UTF-8.

Byte-level vocabularies (most models) are decoded with a table of bytes and Python's incremental
UTF-8 decoder, half a microsecond per token. Other tokenizers go through the tokenizer's own decode
on a short window. Which one is right is found out by decoding a probe both ways.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

PROBE = "Hello  world,\n\tnaïve 北京 🙂 1234 (x != y);"
REPLACEMENT = "\ufffd"


class IncrementalText(Protocol):
    """The text of one generation as its tokens arrive."""

    def feed(self, ids: Sequence[int]) -> str:
        """Text completed by these tokens; "" while a character is still split."""

    def flush(self) -> str:
        """The rest at the end; an incomplete last character is dropped."""

    @property
    def is_whole(self) -> bool:
        """Whether all tokens' text has come out."""


class TableText:
    """By a table of bytes per token id; ids that are not in the table are special and silent."""

    def __init__(self, table: Mapping[int, bytes]) -> None:
        self._table = table
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Sequence[int]) -> str:
        table = self._table
        return self._decoder.decode(b"".join([table.get(token, b"") for token in ids]))

    def flush(self) -> str:
        return ""

    @property
    def is_whole(self) -> bool:
        return not self._decoder.getstate()[0]


class WindowText:
    """By decoding a window of the last tokens: the text of `ids[start:]` minus what was sent."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._start = 0
        self._sent_to = 0

    def feed(self, ids: Sequence[int]) -> str:
        self._ids.extend(ids)
        before = self._decode(self._ids[self._start : self._sent_to])
        now = self._decode(self._ids[self._start :])
        if now.endswith(REPLACEMENT) or len(now) <= len(before):
            return ""
        # Keep one settled piece as context: some decoders strip the first token's space.
        self._start, self._sent_to = self._sent_to, len(self._ids)
        return now[len(before) :]

    def flush(self) -> str:
        before = self._decode(self._ids[self._start : self._sent_to])
        return self._decode(self._ids[self._start :])[len(before) :].rstrip(REPLACEMENT)

    @property
    def is_whole(self) -> bool:
        return self._sent_to == len(self._ids)


def choose_decoder(
    vocabulary: Mapping[bytes, int],
    special_ids: Iterable[int],
    encode: Callable[[str], Sequence[int]],
    decode: Callable[[Sequence[int]], str],
) -> Callable[[], IncrementalText]:
    """A maker of decoders for this tokenizer; the table if it gives the probe back exactly."""
    silent = set(special_ids)
    table = {token: piece for piece, token in vocabulary.items() if token not in silent}
    probe = encode(PROBE)
    if TableText(table).feed(probe) == decode(probe) == PROBE:
        return lambda: TableText(table)
    return lambda: WindowText(decode)
