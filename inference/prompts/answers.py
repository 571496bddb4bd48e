"""A model's raw answer as events: reasoning, text and tool calls, without any markup.

One `AnswerParser` per generation stands between the engine's text and the families: `feed` it each
step's text, `finish` it at the end. Any split of a text gives the same events, but for how text is
cut into deltas.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Protocol

from inference.prompts.arguments import ToolChecks
from inference.prompts.source import Malformed, Source
from inference.prompts.thinking import Tags
from inference.prompts.tool_formats.shape import RawCall, ToolFormat
from inference.requests import AnswerEvent, TextDelta, ThinkingDelta, ToolCall

NO_TOOLS = ToolChecks({})


class Parser(Protocol):
    """What turns an answer's text into events."""

    def feed(self, text: str) -> list[AnswerEvent]:
        """The events that this text completes, in order; often none."""

    def finish(self) -> list[AnswerEvent]:
        """The rest, once the answer is over. Whatever was held back comes as text."""


class PlainText:
    """For answers that hold nothing but text."""

    def feed(self, text: str) -> list[AnswerEvent]:
        return [TextDelta(text)] if text else []

    def finish(self) -> list[AnswerEvent]:
        return []


def answer_parser(
    *,
    tool_format: ToolFormat | None,
    tags: Tags | None,
    is_thinking: bool = False,
    checks: ToolChecks = NO_TOOLS,
) -> Parser:
    """The parser for an answer of a model that writes calls in `tool_format` (None = the request
    has no tools) and reasons within `tags` (None = it does not). `is_thinking` says that the prompt
    ends inside the reasoning; `checks` knows the request's tools."""
    if tool_format is None and tags is None:
        return PlainText()
    return AnswerParser(tool_format, tags, is_thinking=is_thinking, checks=checks)


class AnswerParser:
    """Splits reasoning, text and calls. Markup is looked for everywhere but inside of calls; white
    space beside it belongs to it."""

    def __init__(
        self,
        tool_format: ToolFormat | None,
        tags: Tags | None,
        *,
        is_thinking: bool,
        checks: ToolChecks,
    ) -> None:
        self._format = tool_format
        self._tags = tags
        self._checks = checks
        marks = (tool_format.markers if tool_format else ()) + (tags.all if tags else ())
        longest_first = sorted(marks, key=len, reverse=True)
        self._markup = re.compile("|".join(map(re.escape, longest_first)))
        self._beginnings = {mark[:end] for mark in marks for end in range(1, len(mark))}
        self._longest = max(map(len, self._beginnings))
        self._events: list[AnswerEvent] = []
        self._calls = 0
        self._is_thinking = is_thinking
        self._is_after_markup = is_thinking
        self._has_text = False
        self._spaces = ""  # at the end of the words so far; dropped if markup follows
        self._source = Source()
        self._reading = self._read()
        next(self._reading)

    def feed(self, text: str) -> list[AnswerEvent]:
        self._source.add(text)
        next(self._reading)
        return self._taken()

    def finish(self) -> list[AnswerEvent]:
        self._source.close()
        next(self._reading, None)
        self._add(self._spaces)
        return self._taken()

    def _read(self) -> Generator[None, None, None]:
        """Yields whenever all that has come is read."""
        while True:
            is_at_the_start = not self._has_text and not self._calls
            if self._format and not self._is_thinking and is_at_the_start:
                yield from self._read_bare_calls(self._format)
            words, mark = yield from self._next_words()
            self._add_words(words)
            if mark:
                self._pass_markup(mark)
                if self._format and mark in self._format.openers:
                    yield from self._read_calls(self._format)
            elif self._source.is_closed:
                return

    def _next_words(self) -> Generator[None, None, tuple[str, str]]:
        """Words up to the next markup, and that markup; with "" words that may go on."""
        source = self._source
        while True:
            found = self._markup.search(source.text, source.at)
            end = found.start() if found else len(source.text)
            if not found and not source.is_closed:
                end -= self._begun_markup()
            words, source.at = source.text[source.at : end], found.end() if found else end
            if found or words or source.is_closed:
                return words, found[0] if found else ""
            source.forget()
            yield

    def _begun_markup(self) -> int:
        """How many characters at the end may be the beginning of markup."""
        text = self._source.text[max(self._source.at, len(self._source.text) - self._longest) :]
        for start in range(len(text)):
            if text[start:] in self._beginnings:
                return len(text) - start
        return 0

    def _read_bare_calls(self, tool_format: ToolFormat) -> Generator[None, None, None]:
        """Calls that begin an answer without any markup."""
        source = self._source
        start = source.at
        if tool_format.starts:
            yield from source.space()
            if source.text.startswith(tool_format.starts, source.at):
                before = self._calls
                yield from self._read_calls(tool_format, is_bare=True)
                if self._calls > before:
                    return
        source.at = start

    def _read_calls(
        self, tool_format: ToolFormat, *, is_bare: bool = False
    ) -> Generator[None, None, None]:
        """Calls from here on become events; what cannot be read is left, to be read as words."""
        source = self._source
        must_be_known = is_bare or self._is_thinking
        source.keep()
        try:
            for call in tool_format.read(source):
                if call is None:
                    yield
                elif must_be_known and not self._checks.knows(call.name):
                    raise Malformed("it looks like a call but is none")
                else:
                    self._add_call(call)
        except Malformed:
            source.unread()

    def _add_call(self, call: RawCall) -> None:
        problem = self._checks.find_problem(call.name, call.arguments)
        self._events.append(ToolCall(self._calls, call.name, call.arguments, problem))
        self._calls += 1
        self._drop_spaces()

    def _pass_markup(self, mark: str) -> None:
        """Only tags need something done; what the words beside other markup are shows later."""
        if self._tags and mark in self._tags.all:
            self._drop_spaces()
            if mark in (self._tags.open, self._tags.close):
                self._is_thinking = mark == self._tags.open

    def _drop_spaces(self) -> None:
        self._spaces = ""
        self._is_after_markup = True

    def _add_words(self, words: str) -> None:
        if self._is_after_markup:
            words = words.lstrip()
        if not words:
            return
        self._is_after_markup = False
        words = self._spaces + words
        kept = words.rstrip()
        self._spaces = words[len(kept) :]
        self._add(kept)

    def _add(self, words: str) -> None:
        if not words:
            return
        kind = ThinkingDelta if self._is_thinking else TextDelta
        self._has_text = self._has_text or not self._is_thinking
        last = self._events[-1] if self._events else None
        if isinstance(last, kind):
            self._events[-1] = kind(last.text + words)
        else:
            self._events.append(kind(words))

    def _taken(self) -> list[AnswerEvent]:
        events, self._events = self._events, []
        return events
