"""Special tokens that are part of the answer: tool-call markup and reasoning tags.

A decoder passes special tokens over in silence, and some families write their markup with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from inference.worker.detokenizer import IncrementalText


class MarkedText:
    """The text of one generation in which the tokens of `marks` are spelled out."""

    def __init__(self, new_text: Callable[[], IncrementalText], marks: Mapping[int, str]) -> None:
        self._new_text = new_text
        self._marks = marks
        self._text = new_text()

    def feed(self, ids: Sequence[int]) -> str:
        """Text completed by these tokens; "" while a character is still split."""
        if self._marks.keys().isdisjoint(ids):
            return self._text.feed(ids)
        pieces: list[str] = []
        start = 0
        for place, token in enumerate(ids):
            if token in self._marks:
                pieces += [self._text.feed(ids[start:place]), self._text.flush()]
                pieces.append(self._marks[token])
                self._text = self._new_text()
                start = place + 1
        pieces.append(self._text.feed(ids[start:]))
        return "".join(pieces)

    def flush(self) -> str:
        """The rest at the end; an incomplete last character is dropped."""
        return self._text.flush()

    @property
    def is_whole(self) -> bool:
        """Whether all tokens' text has come out."""
        return self._text.is_whole


def marks_among(wanted: Iterable[str], special: Mapping[int, str]) -> dict[int, str]:
    """Which of the special tokens (id to text) are to be spelled out."""
    texts = set(wanted)
    return {token: text for token, text in special.items() if text in texts}
