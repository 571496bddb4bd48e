"""Llama 3: the whole answer is a JSON object, or a Python list of calls (Llama 3.2).

{"name": "add", "parameters": {"a": 1}}
<|python_tag|>{"name": "add", "parameters": {"a": 1}}; {"name": "add", "parameters": {"a": 2}}
[add(a=1), add(a=2)]
"""

from __future__ import annotations

import ast
import re
from collections.abc import Generator
from typing import Any

from inference.prompts.source import Malformed, Source
from inference.prompts.tool_formats.shape import (
    LONGEST_NAME,
    RawCall,
    ToolFormat,
    Wrapping,
    json_calls,
)

OPEN = "<|python_tag|>"
FIRST_KEYS = frozenset({"name", "type", "function", "parameters", "arguments"})

_JSON = json_calls(separators=(";", ","), arguments=("parameters", "arguments"))
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_KEY = re.compile(r'\{\s*"([^"\\]{0,64})"?')
_QUOTE_OR_BRACKET = re.compile(r"""\\.|["'()\[\]{}]""", re.DOTALL)


def _read(source: Source) -> Generator[RawCall | None, None, None]:
    yield from source.space()
    if source.text.startswith("[", source.at):
        yield from _read_pythonic(source)
        return
    yield from _check_first_key(source)
    yield from _JSON(source)


def _check_first_key(source: Source) -> Generator[None, None, None]:
    """An answer in JSON is no call; it is not held until its end. Raises Malformed."""
    start = source.at
    while True:
        found = _KEY.match(source.text, start)
        if found and found.end() < len(source.text):
            if found[1] not in FIRST_KEYS:
                raise Malformed("the object is no call")
            return
        if source.is_closed or (not found and not source.text[start:].rstrip().endswith("{")):
            raise Malformed("the object is no call")
        yield


def _read_pythonic(source: Source) -> Generator[RawCall | None, None, None]:
    """[name(key=value, ...), ...] with Python's or JSON's words for values."""
    source.at += 1
    while True:
        yield from source.space()
        name = yield from source.matched(_NAME)
        if not name or len(name) > LONGEST_NAME or not (yield from source.one_of("(")):
            raise Malformed("no call in the list")
        source.at -= 1
        end = yield from _closing_bracket(source)
        arguments = _keyword_arguments(source.text[source.at : end])
        source.at = end
        yield RawCall(name, arguments)
        source.keep()
        yield from source.space()
        if not (yield from source.one_of(",")):
            break
    if not (yield from source.one_of("]")):
        source.unread()


def _closing_bracket(source: Source) -> Generator[None, None, int]:
    """Where the bracket that opens here is closed, outside of strings."""
    depth, quote, at = 0, "", source.at
    while True:
        while found := _QUOTE_OR_BRACKET.search(source.text, at):
            at = found.end()
            token = found[0]
            if quote:
                quote = "" if token == quote else quote
            elif token in "\"'":
                quote = token
            elif token in "([{":
                depth += 1
            elif token in ")]}":
                depth -= 1
                if depth <= 0:
                    return at
        # A backslash at the end belongs to what is still to come.
        at = max(at, len(source.text) - source.text.endswith("\\"))
        if source.is_closed:
            raise Malformed("the text ends inside a call")
        yield


def _keyword_arguments(text: str) -> dict[str, Any]:
    try:
        call = ast.parse(f"f{text}", mode="eval").body
        assert isinstance(call, ast.Call)
        if call.args or any(keyword.arg is None for keyword in call.keywords):
            raise Malformed("arguments without a name")
        return {str(keyword.arg): _value(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        raise Malformed("arguments that cannot be read") from None


def _value(node: ast.expr) -> Any:
    """A literal; JSON's true, false and null count as such. Raises ValueError."""
    words = {"true": True, "false": False, "null": None}
    match node:
        case ast.Name(id=word) if word in words:
            return words[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            names = [ast.literal_eval(key) for key in keys if key is not None]
            if not all(isinstance(name, str) for name in names):
                raise ValueError("a key that is no text")
            return dict(zip(names, map(_value, values), strict=True))
        case _:
            value = ast.literal_eval(node)
            if not isinstance(value, str | int | float | bool | None):
                raise ValueError("a value that JSON does not have")
            return value


LLAMA3 = ToolFormat(
    name="llama3",
    openers=(OPEN,),
    starts=("{", "["),
    read=_read,
    wrapping=Wrapping(first="", between="; ", last="", before_arguments=', "parameters": '),
    speaks=lambda template: (
        "<|start_header_id|>" in template
        and (OPEN in template or "ipython" in template or '"parameters"' in template)
    ),
)
