"""What a format is, and the reader that most of them share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from inference.prompts.source import Malformed, Source

LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as the model wrote it."""

    name: str
    arguments: Mapping[str, Any]


CallReader = Callable[[Source], Generator[RawCall | None, None, None]]
"""Reads calls from behind an opener: yields each as soon as it is complete, and None where it waits
for more text. Returns at the end of the calls; raises Malformed."""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """The text around calls: `first` CALL `between` CALL `last`, with CALL = `before_name` NAME
    `before_arguments` ARGUMENTS `after_arguments`, and NAME a JSON string unless it `is_bare`."""

    first: str
    between: str
    last: str
    before_name: str = '{"name": '
    before_arguments: str = ', "arguments": '
    after_arguments: str = "}"
    is_bare: bool = False


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """One way to write calls.

    `openers` are markup that begins calls anywhere in an answer, `closers` markup that may follow
    them; `starts` are plain characters that begin calls only where the answer begins (a JSON object
    may also be the answer). `speaks` tells from a chat template's text whether its model writes so.
    """

    name: str
    openers: tuple[str, ...]
    read: CallReader
    wrapping: Wrapping
    speaks: Callable[[str], bool]
    closers: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()

    @property
    def markers(self) -> tuple[str, ...]:
        """The texts that must reach the parser even if they are special tokens."""
        return self.openers + self.closers


def json_calls(
    *,
    closer: str = "",
    separators: tuple[str, ...] = (),
    arguments: tuple[str, ...] = ("arguments", "parameters"),
) -> CallReader:
    """A reader of calls as JSON: one object or a list of them, with `separators` between several
    objects, then `closer`. `arguments` are the keys under which they may be."""

    def read(source: Source) -> Generator[RawCall | None, None, None]:
        yield from source.space()
        is_list = (yield from source.one_of("[")) == "["
        while True:
            yield from source.space()
            if is_list and (yield from source.one_of("]")):
                source.keep()
                break
            if not source.text.startswith("{", source.at):
                raise Malformed("no object where a call should be")
            yield read_call((yield from source.json_value()), arguments)
            source.keep()
            if not (yield from _has_next(source, is_list, closer, separators)):
                break
        if closer:
            yield from source.space()
            if not (yield from source.one_of(closer)):
                # What stands behind a call that is not closed is the answer's text again.
                source.unread()

    return read


def read_call(value: Any, arguments: tuple[str, ...]) -> RawCall:
    """The call in a JSON value. Models wrap it as they were taught: {"name", "arguments"}, the same
    under "function", arguments as text. Raises Malformed."""
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict):
        raise Malformed("a call is no object")
    name = value.get("name", value.get("function"))
    given: Any = next((value[key] for key in arguments if key in value), {})
    if isinstance(given, str):
        given = read_arguments(given)
    if not isinstance(name, str) or not name or not isinstance(given, dict):
        raise Malformed("a call without a name or with arguments that are no object")
    return RawCall(name, given)


def read_arguments(text: str) -> Any:
    """Arguments given as text. Raises Malformed."""
    source = Source()
    source.add(text.strip() or "{}")
    source.close()
    if not source.text.startswith("{"):
        raise Malformed("arguments that are no object")
    reading = source.json_value()
    try:
        while True:
            next(reading)
    except StopIteration as done:
        return done.value


def _has_next(
    source: Source, is_list: bool, closer: str, separators: tuple[str, ...]
) -> Generator[None, None, bool]:
    """Whether another object follows; stands behind the separator then, else where it was."""
    yield from source.space()
    if is_list:
        found = yield from source.one_of(",", "]")
        if not found:
            raise Malformed("no comma between calls")
        if found == "]":
            source.at -= 1
        return True
    if separators and (yield from source.one_of(*separators)):
        yield from source.space()
    if source.text.startswith("{", source.at) and (closer or separators):
        return True
    source.unread()
    return False
