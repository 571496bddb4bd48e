"""Grammars for answers that call tools, and for answers that come after reasoning.

A forced call is held to its format from the first character to the last: the wrapping, the name of
an allowed tool, arguments by that tool's schema. Where the model is free to call or not, only what
follows the opening markup is held.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from inference.errors import InvalidRequest
from inference.prompts.arguments import function_of, parameters_of
from inference.prompts.schemas.compiling import SchemaCompiler, read_schema
from inference.prompts.schemas.ebnf import (
    RuleBook,
    either,
    json_literal,
    literal,
    repeated,
    sequence,
)
from inference.prompts.schemas.objects import any_object
from inference.prompts.schemas.references import CannotHold
from inference.prompts.thinking import Tags
from inference.prompts.tool_formats.registry import FORMATS
from inference.prompts.tool_formats.shape import ToolFormat, Wrapping
from inference.requests import Grammar, ToolChoice

MOST_FORCED_CALLS = 4
"""A small model that is held to calls goes on making them until something ends it."""

Tool = Mapping[str, Any]


def call_grammar(
    tool_format: ToolFormat,
    tools: Sequence[Tool],
    choice: ToolChoice,
    *,
    is_described: bool = False,
) -> Grammar | None:
    """What holds an answer to that choice of tools; None where nothing is to be held.

    A required call to a named tool is one call. Of models that were only told of calls
    (`is_described`) so is every required one: they never learned to end after some.
    Raises InvalidRequest when calls are required to a tool that is not there, or whose schema has a
    keyword that cannot be held; where calls are free, such a tool may get any arguments.
    """
    allowed = _allowed(tools, choice)
    if choice.mode == "none" or not allowed:
        return None
    if choice.mode == "auto" and not _can_be_triggered(tool_format.wrapping, tool_format.openers):
        return None
    key = json.dumps([function_of(tool) for tool in allowed])
    if choice.mode == "auto":
        return _free_calls(tool_format.name, key, choice.is_parallel)
    is_one = is_described or not choice.is_parallel or len(choice.names) == 1
    return _forced_calls(tool_format.name, key, 1 if is_one else MOST_FORCED_CALLS, must_hold=True)


def calls_or(
    grammar: Grammar, tool_format: ToolFormat, tools: Sequence[Tool], choice: ToolChoice
) -> Grammar:
    """An answer as `grammar` says, or a call instead of it. A tool whose schema cannot be held may
    get any arguments. Raises InvalidRequest for a named tool that is not there."""
    key = json.dumps([function_of(tool) for tool in _allowed(tools, choice)])
    calls = _forced_calls(tool_format.name, key, 1, must_hold=False)
    return _structure({"type": "or", "elements": [_part(calls), _part(grammar)]})


def after_thinking(grammar: Grammar, tags: Tags, *, is_open: bool) -> Grammar:
    """Free reasoning, then what `grammar` says. `is_open` says that the prompt already ends inside
    the reasoning."""
    reasoning = {
        "type": "tag",
        "begin": "" if is_open else f"{tags.open}\n",
        "content": {"type": "any_text"},
        "end": tags.close,
    }
    space = {"type": "const_string", "value": "\n\n"}
    return _structure({"type": "sequence", "elements": [reasoning, space, _part(grammar)]})


def _allowed(tools: Sequence[Tool], choice: ToolChoice) -> list[Tool]:
    if not choice.names:
        return list(tools)
    allowed = [tool for tool in tools if function_of(tool)["name"] in choice.names]
    missing = set(choice.names) - {function_of(tool)["name"] for tool in allowed}
    if missing:
        raise InvalidRequest(
            f"tool_choice names {min(missing)!r}, which is not among the tools", field="tool_choice"
        )
    return allowed


def _can_be_triggered(wrapping: Wrapping, openers: tuple[str, ...]) -> bool:
    return bool(openers) and wrapping.first.startswith(openers)


@functools.lru_cache(maxsize=64)
def _forced_calls(format_name: str, key: str, most: int, *, must_hold: bool) -> Grammar:
    wrapping = _format_named(format_name).wrapping
    book = RuleBook()
    call = _any_call(book, wrapping, read_schema(key), must_hold=must_hold)
    more = repeated(f"{literal(wrapping.between)} {call}", 0, most - 1)
    whole = sequence(literal(wrapping.first), call, more, literal(wrapping.last))
    return Grammar("ebnf", book.text(whole))


@functools.lru_cache(maxsize=64)
def _free_calls(format_name: str, key: str, is_parallel: bool) -> Grammar:
    tool_format = _format_named(format_name)
    (opener,), wrapping = tool_format.openers, tool_format.wrapping
    book = RuleBook()
    call = _any_call(book, wrapping, read_schema(key), must_hold=False)
    # Formats that open each call anew get a tag for each; the others have a list inside of one.
    is_list = is_parallel and opener not in wrapping.between
    more = repeated(f"{literal(wrapping.between)} {call}", 0, None if is_list else 0)
    tag = {
        "type": "tag",
        "begin": wrapping.first,
        "content": {"type": "grammar", "grammar": book.text(sequence(call, more))},
        "end": wrapping.last,
    }
    return _structure(
        {
            "type": "triggered_tags",
            "triggers": [opener],
            "tags": [tag],
            "at_least_one": False,
            "stop_after_first": not is_parallel,
        }
    )


def _format_named(name: str) -> ToolFormat:
    return next(it for it in FORMATS if it.name == name)


def _any_call(book: RuleBook, wrapping: Wrapping, functions: list[Any], *, must_hold: bool) -> str:
    """A call to any of the tools, each with its own arguments."""
    options = []
    for function in functions:
        name = function["name"]
        options.append(
            sequence(
                literal(wrapping.before_name),
                literal(name) if wrapping.is_bare else json_literal(name),
                literal(wrapping.before_arguments),
                _arguments(book, function, must_hold),
                literal(wrapping.after_arguments),
            )
        )
    return book.rule("call", either(options))


def _arguments(book: RuleBook, function: Mapping[str, Any], must_hold: bool) -> str:
    schema = parameters_of(function)
    if isinstance(schema, Mapping) and "type" not in schema:
        schema = {"type": "object", **schema}
    compiler = SchemaCompiler(book, schema)
    try:
        return compiler.root()
    except CannotHold as refusal:
        if must_hold:
            name = function["name"]
            raise InvalidRequest(
                f"tools: the schema of {name!r} cannot be held: {refusal}", field="tools"
            ) from None
        return any_object(book, compiler.any_value())


def _structure(form: Mapping[str, Any]) -> Grammar:
    text = json.dumps({"type": "structural_tag", "format": form}, ensure_ascii=False)
    return Grammar("structure", text)


def _part(grammar: Grammar) -> dict[str, Any]:
    """A grammar as a part of a structure."""
    match grammar.kind:
        case "ebnf":
            return {"type": "grammar", "grammar": grammar.text}
        case "regex":
            return {"type": "regex", "pattern": grammar.text}
        case "json_schema":
            return {"type": "json_schema", "json_schema": json.loads(grammar.text)}
        case "structure":
            form: dict[str, Any] = json.loads(grammar.text)["format"]
            return form
