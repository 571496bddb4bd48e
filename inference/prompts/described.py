"""Tools for models whose chat template knows none: described to them in the system message.

They are asked to write calls as Hermes does (`tool_formats/hermes.py`); earlier calls and results
become the text of assistant and user turns, because such templates know neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inference.prompts.tool_formats.hermes import CLOSE, OPEN
from inference.requests import Message

_INTRODUCTION = """You can call these tools. Each line describes one, with its arguments as a JSON \
schema:
<tools>
{tools}
</tools>

To call a tool, write its name and arguments as a JSON object between these tags, once per call:
{open}
{{"name": "the tool's name", "arguments": {{"argument": "value"}}}}
{close}"""


def describe_tools(
    messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]
) -> tuple[Message, ...]:
    """The conversation in plain turns, with the tools in its system message if there are any."""
    turns = _plain_turns(messages)
    if not tools:
        return turns
    lines = [json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools]
    text = _INTRODUCTION.format(tools="\n".join(lines), open=OPEN, close=CLOSE)
    if turns and turns[0].role == "system":
        first = replace(turns[0], content=f"{turns[0].content}\n\n{text}".strip())
        return (first, *turns[1:])
    return (Message("system", text), *turns)


def _plain_turns(messages: Sequence[Message]) -> tuple[Message, ...]:
    turns: list[Message] = []
    for message in messages:
        if message.role == "tool":
            text = f"<tool_response>\n{message.content}\n</tool_response>"
            if turns and turns[-1].extra.get("is_results"):
                turns[-1] = replace(turns[-1], content=f"{turns[-1].content}\n{text}")
            else:
                turns.append(Message("user", text, {"is_results": True}))
        elif message.role == "assistant" and message.extra.get("tool_calls"):
            calls = "\n".join(map(_call_text, message.extra["tool_calls"]))
            extra = {name: it for name, it in message.extra.items() if name != "tool_calls"}
            turns.append(Message("assistant", f"{message.content}\n{calls}".strip(), extra))
        else:
            turns.append(message)
    return tuple(turns)


def _call_text(call: Mapping[str, Any]) -> str:
    function = call["function"]
    value = {"name": function["name"], "arguments": function["arguments"]}
    return f"{OPEN}\n{json.dumps(value, ensure_ascii=False)}\n{CLOSE}"
