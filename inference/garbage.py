"""Tells when an NPU's output is garbage: long prompts are known to give it without an error. Pure.

Cheap enough for every batch of tokens: a few comparisons each. A model may repeat itself for good
reasons, so only what no answer looks like counts; and small models end in loops after a sensible
beginning, on every device, so what goes round counts only if it begins with the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_RUN = 30
"""So many times the same token, one after another (Ollama ends an answer there as well)."""
SHORT_PERIODS = (2, 3, 4)
LONGEST_REPETITION = 96
"""So many tokens that only repeat two, three or four of them."""
BEGINNING = 1
"""What goes round from behind so many tokens on is the model's own: wrong prefill shows at once."""
REPLACEMENT = "\ufffd"
LONGEST_STORM = 8
"""So many broken characters among the last `STORM_CHARACTERS`."""
STORM_CHARACTERS = 16


class GarbageGuard:
    """Watches one generation."""

    def __init__(self) -> None:
        self.verdict = ""
        self._last = -1
        self._run = 0
        self._longest_run = 0
        self._tail: list[int] = []  # as many as the longest period
        self._rounds = dict.fromkeys(SHORT_PERIODS, 0)  # tokens that equal the one a period before
        self._goes_round = 0  # a period whose repetition is long enough
        self._text = ""
        self._has_words = False
        self._tokens = 0

    @property
    def is_suspicious(self) -> bool:
        """Whether nothing has come yet that looks like an answer, so that it should not go out: no
        letter or digit, or only one token again and again."""
        return not self._has_words or (self._tokens > 1 and self._run == self._tokens)

    def feed(self, ids: Sequence[int], text: str) -> str:
        """What is wrong, in words, or "". Once something is, it stays."""
        if self.verdict:
            return self.verdict
        for token in ids:
            self._run = self._run + 1 if token == self._last else 1
            self._longest_run = max(self._longest_run, self._run)
            self._last = token
            self._tokens += 1
            self._look_for_rounds(token)
        self._text = (self._text + text)[-STORM_CHARACTERS:]
        if not self._has_words:
            self._has_words = any(character.isalnum() for character in text)
        self.verdict = self._judge()
        return self.verdict

    def _look_for_rounds(self, token: int) -> None:
        for period in SHORT_PERIODS:
            is_same = len(self._tail) >= period and self._tail[-period] == token
            self._rounds[period] = self._rounds[period] + 1 if is_same else 0
            length = self._rounds[period] + period
            if length >= LONGEST_REPETITION and self._tokens - length <= BEGINNING:
                self._goes_round = self._goes_round or period
        self._tail = [*self._tail, token][-SHORT_PERIODS[-1] :]

    def _judge(self) -> str:
        if self._longest_run > LONGEST_RUN:
            return f"one token {self._longest_run} times in a row"
        if self._text.count(REPLACEMENT) >= LONGEST_STORM:
            return "a storm of broken characters"
        if self._goes_round:
            return f"the same {self._goes_round} tokens for {LONGEST_REPETITION} tokens"
        return ""
