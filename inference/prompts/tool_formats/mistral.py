"""Mistral: a JSON list behind a special token, and the newer form without a list.

[TOOL_CALLS][{"name": "add", "arguments": {"a": 1}}]
[TOOL_CALLS]add[ARGS]{"a": 1}
[TOOL_CALLS]add[CALL_ID]123456789[ARGS]{"a": 1}
"""

from __future__ import annotations

from collections.abc import Generator

from inference.prompts.source import Malformed, Source
from inference.prompts.tool_formats.shape import (
    LONGEST_NAME,
    RawCall,
    ToolFormat,
    Wrapping,
    json_calls,
)

OPEN, ARGS, CALL_ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"
_read_list = json_calls()


def _read(source: Source) -> Generator[RawCall | None, None, None]:
    yield from source.space()
    if source.text[source.at : source.at + 1] in ("[", "{"):
        yield from _read_list(source)
        return
    while True:
        name, mark = yield from source.until(ARGS, CALL_ID, "{", within=LONGEST_NAME)
        if not name.strip():
            raise Malformed("no name before the arguments")
        if mark == CALL_ID:
            _, mark = yield from source.until(ARGS, "{", within=LONGEST_NAME)
        if mark == "{":
            source.at -= 1
        else:
            yield from source.space()
        if not source.text.startswith("{", source.at):
            raise Malformed("no arguments")
        yield RawCall(name.strip(), (yield from source.json_value()))
        source.keep()
        yield from source.space()
        if not (yield from source.one_of(OPEN)):
            source.unread()
            return


MISTRAL = ToolFormat(
    name="mistral",
    openers=(OPEN,),
    closers=(ARGS, CALL_ID),
    read=_read,
    wrapping=Wrapping(first=f"{OPEN}[", between=", ", last="]"),
    speaks=lambda template: OPEN in template and ARGS not in template,
)

MISTRAL_NAMED = ToolFormat(
    name="mistral-named",
    openers=(OPEN,),
    closers=(ARGS, CALL_ID),
    read=_read,
    wrapping=Wrapping(
        first=OPEN,
        between=OPEN,
        last="",
        before_name="",
        before_arguments=ARGS,
        after_arguments="",
        is_bare=True,
    ),
    speaks=lambda template: OPEN in template and ARGS in template,
)
