"""What an answer's client has of its text, and what waits: the engine's text becomes events here.

Text is held back while nobody reads it or while it may prove to be garbage, read for reasoning and
tool calls, and compared with what is already there when another engine has to repeat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.errors import InferenceError
from inference.prompts.planned import PlannedPrompt
from inference.requests import AnswerEvent, TextDelta, ThinkingDelta, TokenLogprob


class AnswerText:
    """Owned by one generation. Every step is `add`ed, and read at once, so that tokens are known to
    be reasoning or not; `release` gives the events that have gathered.

    `sent_characters` counts the engine's text, markup and all, that was released;
    `thinking_tokens` those of the tokens that were reasoning.
    """

    def __init__(self, prompt: PlannedPrompt) -> None:
        self.sent_characters = 0
        self.thinking_tokens = 0
        self._prompt = prompt
        self._parser = None if prompt.is_plain else prompt.new_parser()
        self._is_thinking = prompt.is_thinking
        self._text = ""
        self._ids: list[int] = []
        self._logprobs: list[TokenLogprob] = []
        self._events: list[AnswerEvent] = []
        self._sent: list[str] = []
        self._to_repeat = ""

    @property
    def characters(self) -> int:
        """The engine's text so far, released or not."""
        return self.sent_characters + len(self._text)

    def add(
        self,
        text: str,
        ids: Sequence[int],
        logprobs: Sequence[TokenLogprob] = (),
        *,
        is_last: bool,
    ) -> None:
        """One step's text and tokens. Raises InferenceError when an answer that had to be begun
        anew does not repeat what its client has."""
        if self._to_repeat:
            text = self._without_repeat(text, is_last=is_last)
            logprobs = logprobs if text else ()  # the client has them
        self._text += text
        if self._parser is None:
            self._ids += ids
            self._logprobs += logprobs
            return
        events = self._parser.feed(text)
        if is_last:
            events += self._parser.finish()
        self._events += self._with_tokens(events, tuple(ids), tuple(logprobs))

    def release(self) -> tuple[AnswerEvent, ...]:
        """Everything that was added since; after the last of it nothing is held back."""
        text, self._text = self._text, ""
        self.sent_characters += len(text)
        if self._prompt.grammar is not None:
            self._sent.append(text)
        if self._parser is None:
            ids, self._ids = tuple(self._ids), []
            logprobs, self._logprobs = tuple(self._logprobs), []
            return (TextDelta(text, ids, logprobs),) if text or ids else ()
        events, self._events = tuple(self._events), []
        return events

    def begin_anew(self) -> None:
        """Forget what waits; the next engine begins with what the client has."""
        self._to_repeat = "".join(self._sent) + self._to_repeat
        self._text, self._ids, self._logprobs, self._events = "", [], [], []
        self.thinking_tokens = 0
        if self._parser is not None and not self._to_repeat:
            self._parser = self._prompt.new_parser()
            self._is_thinking = self._prompt.is_thinking
        self.sent_characters = 0
        self._sent = []

    def _with_tokens(
        self,
        events: list[AnswerEvent],
        ids: tuple[int, ...],
        logprobs: tuple[TokenLogprob, ...],
    ) -> list[AnswerEvent]:
        """The tokens go with the step's first text; where there is none, with an empty one."""
        if events:
            self._is_thinking = isinstance(events[-1], ThinkingDelta)
        if all(isinstance(event, ThinkingDelta) for event in events) and self._is_thinking:
            self.thinking_tokens += len(ids)
        for place, event in enumerate(events):
            if isinstance(event, TextDelta | ThinkingDelta):
                events[place] = replace(event, token_ids=ids, logprobs=logprobs)
                return events
        if ids:
            kind = ThinkingDelta if self._is_thinking else TextDelta
            events.append(kind("", ids, logprobs))
        return events

    def _without_repeat(self, text: str, *, is_last: bool) -> str:
        """The part of a repeated answer that its client has not got yet. What was sent already
        counts as sent again."""
        known = self._to_repeat
        if known.startswith(text) and not is_last:
            self._to_repeat = known[len(text) :]
            self._note_repeated(text)
            return ""
        if not text.startswith(known):
            raise InferenceError("the answer could not be continued on another engine")
        self._to_repeat = ""
        self._note_repeated(known)
        return text[len(known) :]

    def _note_repeated(self, text: str) -> None:
        self.sent_characters += len(text)
        self._sent.append(text)
