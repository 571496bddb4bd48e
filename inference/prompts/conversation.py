"""A request's conversation as its model's chat template wants it.

Templates differ in what they read: tools as a variable, inside the system message or not at all;
reasoning under several names; one call per turn; call ids of nine characters. `prepare` knows.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import TemplateError

from inference.prompts import thinking
from inference.prompts.described import describe_tools
from inference.prompts.sandbox import names_in
from inference.prompts.templates import check_template
from inference.prompts.tool_formats.hermes import HERMES
from inference.prompts.tool_formats.phi import PHI
from inference.prompts.tool_formats.registry import format_in
from inference.prompts.tool_formats.shape import ToolFormat
from inference.requests import Message, Think, ToolChoice

Tool = Mapping[str, Any]
"""{"type": "function", "function": {"name", "description", "parameters"}}."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `templates.render` is to be given, and how the answer to it is to be read."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    tool_format: ToolFormat | None = None
    tags: thinking.Tags | None = None
    is_described: bool = False
    """Whether the tools are told in words, because the template knows none."""


def prepare(
    messages: Sequence[Message],
    template: str,
    *,
    tools: Sequence[Tool] = (),
    choice: ToolChoice = ToolChoice(),
    think: Think = None,
    variables: Mapping[str, Any] | None = None,
) -> Prepared:
    """The conversation for that chat template. Of a request that may not call tools the model is
    told none; `variables` are the client's own for the template and win. Raises InvalidRequest when
    the template is none.
    """
    check_template(template)
    offered = tuple(tools) if choice.mode != "none" else ()
    tags = thinking.tags_in(template)
    turns = tuple(_with_reasoning(message, template, tags) for message in messages)
    values = {**thinking.template_variables(template, think), **(variables or {})}
    native = native_format(template)
    if native is None:
        turns = describe_tools(turns, offered)
        return Prepared(turns, (), values, HERMES if offered else None, tags, True)
    turns = _with_calls_as_wanted(turns, template)
    tool_format = native if offered else None
    if native is PHI and "tools" not in names_in(template):
        return Prepared(_with_tools_in_system(turns, offered), (), values, tool_format, tags)
    return Prepared(turns, offered, values, tool_format, tags)


def native_format(template: str) -> ToolFormat | None:
    """The format of a template that can present tools itself in a format we know."""
    found = format_in(template)
    if found is None or not ("tools" in names_in(template) or found is PHI):
        return None
    return found


@functools.lru_cache(maxsize=64)
def markup_of(template: str) -> tuple[str, ...]:
    """The texts that must reach an answer's parser even where they are special tokens. A template
    that cannot be read has none."""
    try:
        native = native_format(template)
    except TemplateError:
        return ()
    tags = thinking.tags_in(template)
    return (*(native.markers if native else ()), *(tags.all if tags else ()))


def _with_reasoning(message: Message, template: str, tags: thinking.Tags | None) -> Message:
    """An earlier answer with its reasoning under every name templates read, and not in its
    text unless the template looks for it there."""
    if message.role != "assistant":
        return message
    names = ("thinking", "reasoning_content", "reasoning")
    reasoning = next((message.extra[name] for name in names if message.extra.get(name)), None)
    content = message.content
    if tags and tags.close in content and not thinking.keeps_reasoning_out(template, tags):
        content = thinking.without_reasoning(content, tags)
    extra = dict(message.extra)
    if reasoning is not None:
        extra |= {"thinking": reasoning, "reasoning_content": reasoning}
    return replace(message, content=content, extra=extra)


def _with_calls_as_wanted(messages: tuple[Message, ...], template: str) -> tuple[Message, ...]:
    if "single tool-call" in template:
        messages = _one_call_per_turn(messages)
    if "length 9" in template or "| length != 9" in template or "|length != 9" in template:
        messages = tuple(_with_short_ids(message) for message in messages)
    return messages


def _one_call_per_turn(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Llama 3's template refuses several calls in a turn: each with its own result then."""
    turns: list[Message] = []
    waiting: list[Message] = []
    for message in messages:
        calls = message.extra.get("tool_calls") or []
        if message.role == "tool" and waiting:
            turns += [] if turns[-1].extra.get("tool_calls") else [waiting.pop(0)]
            turns.append(message)
            continue
        turns += waiting
        waiting = []
        if len(calls) < 2:
            turns.append(message)
            continue
        split = [replace(message, extra={**message.extra, "tool_calls": [call]}) for call in calls]
        turns.append(split[0])
        waiting = [replace(turn, content="") for turn in split[1:]]
    return (*turns, *waiting)


def _with_short_ids(message: Message) -> Message:
    """Mistral's templates want call ids of nine characters and numbers."""
    extra = dict(message.extra)
    if extra.get("tool_calls"):
        extra["tool_calls"] = [
            {**call, "id": _short_id(str(call.get("id", "")))} for call in extra["tool_calls"]
        ]
    if extra.get("tool_call_id"):
        extra["tool_call_id"] = _short_id(str(extra["tool_call_id"]))
    return replace(message, extra=extra)


def _short_id(call_id: str) -> str:
    if len(call_id) == 9 and call_id.isalnum():
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


def _with_tools_in_system(
    messages: tuple[Message, ...], tools: tuple[Tool, ...]
) -> tuple[Message, ...]:
    """Phi 4 mini's template reads the tools, as text, from the system message."""
    if not tools:
        return messages
    text = json.dumps([tool.get("function", tool) for tool in tools], ensure_ascii=False)
    has_system = bool(messages) and messages[0].role == "system"
    system = messages[0] if has_system else Message("system", "")
    system = replace(system, extra={**system.extra, "tools": text})
    return (system, *messages[1:]) if has_system else (system, *messages)
