"""An answer that a grammar holds: how it goes on when its engine cannot, and out of its loops.

An engine knows a grammar only from its beginning. What is left of it behind the text that is there
lets another engine go on, and lets a small model out of a string or list that it would fill to the
token limit.
"""

from __future__ import annotations

import asyncio

from inference.prompts.continuing import grammar_behind, grammar_out_of_loop
from inference.prompts.schemas.remaining import NoRemainder, repeated_turn
from inference.requests import Grammar

LOOK_EVERY_CHARACTERS = 64
MOST_WAYS_OUT = 6
"""A model that loops so often is left to its token limit."""


class HeldAnswer:
    """Owned by one generation with a grammar; is fed all text of its engines."""

    def __init__(self, grammar: Grammar) -> None:
        self._whole = grammar
        self._grammar = grammar
        self._before = ""
        self._text = ""
        self._looked_at = 0
        self._ways_out = 0

    def feed(self, text: str) -> None:
        """What the engine wrote next, markup and all."""
        self._text += text

    async def behind(self) -> Grammar | None:
        """The grammar that holds the rest from here on; None when it is not to be had: then the
        answer must be begun anew."""
        try:
            rest = await asyncio.to_thread(grammar_behind, self._grammar, self._text)
        except NoRemainder:
            return None
        self._begin(rest)
        return rest

    async def way_out(self) -> Grammar | None:
        """The grammar that leads out of a loop, None where there is no loop to be seen. Looks only
        once in a while, so it may be asked after every step."""
        if len(self._text) - self._looked_at < LOOK_EVERY_CHARACTERS:
            return None
        self._looked_at = len(self._text)
        if self._ways_out >= MOST_WAYS_OUT or self._grammar.kind != "ebnf":
            return None
        if not repeated_turn(self._text):
            return None
        rest = await asyncio.to_thread(
            grammar_out_of_loop, self._grammar, self._text, before=self._before
        )
        if rest is not None:
            self._ways_out += 1
            self._begin(rest)
        return rest

    def begin_anew(self) -> Grammar:
        """What holds the answer from its beginning, which is written again."""
        self._begin(self._whole)
        self._before = ""
        return self._whole

    def _begin(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._before += self._text
        self._text = ""
        self._looked_at = 0
