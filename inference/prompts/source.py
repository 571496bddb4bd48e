"""Text that arrives in pieces, read as if it were all there.

Readers are generators: where they need more text than has come they yield None and go on later, so
that a format's reader (`tool_formats/`) is written like one for a whole text and still works for
any split of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any, TypeVar

Result = TypeVar("Result")
Reading = Generator[None, None, Result]

_SPACE = re.compile(r"\s*")
_STRUCTURE = re.compile(r'["\\{}\[\]]')


class Malformed(Exception):
    """The text is not what the format says."""


class Source:
    """The text from `at` on is still to be read; `mark` is where a rejected reading goes back
    to."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.mark = 0
        self.is_closed = False

    def add(self, piece: str) -> None:
        """More text has come."""
        self.text += piece

    def close(self) -> None:
        """No more will come."""
        self.is_closed = True

    def keep(self) -> None:
        """What was read up to here is settled."""
        self.mark = self.at

    def forget(self) -> None:
        """Free what was read."""
        self.text, self.at, self.mark = self.text[self.at :], 0, 0

    def unread(self) -> None:
        """Back to the mark."""
        self.at = self.mark

    def has_more(self) -> Reading[bool]:
        """Whether there is another character; waits for it."""
        while self.at >= len(self.text):
            if self.is_closed:
                return False
            yield
        return True

    def space(self) -> Reading[None]:
        """Skip white space."""
        while (yield from self.has_more()):
            found = _SPACE.match(self.text, self.at)
            assert found is not None, "it matches nothing as well"
            self.at = found.end()
            if self.at < len(self.text):
                return

    def one_of(self, *options: str) -> Reading[str]:
        """The first of the options that stands here, read; "" if none does."""
        while True:
            for option in options:
                if self.text.startswith(option, self.at):
                    self.at += len(option)
                    return option
            left = self.text[self.at :]
            if self.is_closed or not any(option.startswith(left) for option in options):
                return ""
            yield

    def matched(self, pattern: re.Pattern[str]) -> Reading[str]:
        """All that `pattern` takes from here; it must be one that could also take less."""
        while True:
            found = pattern.match(self.text, self.at)
            end = found.end() if found else self.at
            if end < len(self.text) or self.is_closed:
                taken, self.at = self.text[self.at : end], end
                return taken
            yield

    def until(self, *marks: str, within: int) -> Reading[tuple[str, str]]:
        """The text before the first of the marks, and that mark, both read. Raises Malformed when
        none comes within that many characters."""
        while True:
            found = [(at, mark) for mark in marks if (at := self.text.find(mark, self.at)) >= 0]
            if found and min(found)[0] - self.at <= within:
                at, mark = min(found)
                taken, self.at = self.text[self.at : at], at + len(mark)
                return taken, mark
            longest = within + max(map(len, marks))
            if found or self.is_closed or len(self.text) - self.at > longest:
                raise Malformed(f"no {marks[0]}")
            yield

    def json_value(self) -> Reading[Any]:
        """The JSON object or list that begins here. Line breaks inside strings are forgiven.
        Raises Malformed."""
        end = yield from self._json_end()
        try:
            value = json.loads(self.text[self.at : end], strict=False)
        except (ValueError, RecursionError) as error:
            raise Malformed(str(error)) from None
        self.at = end
        return value

    def _json_end(self) -> Reading[int]:
        """Where its last bracket closes. Only brackets, quotes and backslashes are looked at."""
        depth, at, in_string = 0, self.at, False
        while True:
            while found := _STRUCTURE.search(self.text, at):
                at = found.end()
                character = found[0]
                if character == "\\":
                    if in_string and at >= len(self.text):
                        at -= 1
                        break
                    at += in_string
                elif character == '"':
                    in_string = not in_string
                elif not in_string:
                    depth += 1 if character in "{[" else -1
                    if depth <= 0:
                        return at
            else:
                at = len(self.text)
            if self.is_closed:
                raise Malformed("the text ends inside a value")
            yield
