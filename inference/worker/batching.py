"""Which texts share an encoder's next step: pure.

Every text of a step is padded to its longest, so neighbours in a step are of about the same length;
requests take turns in choosing it, so that a short question never waits for all of somebody else's
thousand documents. Measured (all-MiniLM-L6, two cores): a step of 512 tokens takes 30 to 40 ms, and
larger ones give no more texts a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TOKENS_A_STEP = 512
"""Padding included; a single text may have more."""
ALWAYS_TOGETHER = 32
"""Texts up to so many tokens cost about the same, however long they are."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text that waits. `number` is its request's, `place` where in it the text was."""

    number: int
    place: int
    ids: list[int]


def in_waiting_order(number: int, texts: Sequence[list[int]]) -> list[Text]:
    """A request's texts as `choose_step` wants them: longest first."""
    waiting = [Text(number, place, ids) for place, ids in enumerate(texts)]
    return sorted(waiting, key=lambda text: len(text.ids), reverse=True)


def choose_step(waiting: Sequence[Sequence[Text]], tokens: int = TOKENS_A_STEP) -> list[Text]:
    """The texts of the next step, never more than `tokens` with their padding unless it is one.

    `waiting` are requests in the order of their turns, none of them empty. The first one's longest
    text sets the length; texts of the others join where they fit.
    """
    longest = len(waiting[0][0].ids)
    room = max(1, tokens // max(1, longest))
    chosen: list[Text] = []
    for request in waiting:
        for text in request:
            if len(chosen) == room:
                return chosen
            if _fits(len(text.ids), longest):
                chosen.append(text)
    return chosen


def _fits(length: int, longest: int) -> bool:
    return length <= longest and (2 * length > longest or longest <= ALWAYS_TOGETHER)
