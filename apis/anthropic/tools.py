"""Anthropic's tools, and the choice among them, in our words. Pure: raises InvalidRequest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from apis.anthropic import schemas
from inference.errors import InvalidRequest
from inference.requests import ToolChoice

MODES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}

WEB_SEARCH = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to search the web for."}},
    "required": ["query"],
}
_PLAIN_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)


def read_tools(tools: list[schemas.Tool]) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """The functions the model may call, and names of what was left out: tools that Anthropic runs
    or knows the arguments of. A web search becomes a function that the client runs."""
    functions: list[Mapping[str, Any]] = []
    left_out: dict[str, None] = {}
    for index, tool in enumerate(tools):
        kind = tool.type or "custom"
        if kind.startswith("web_search"):
            functions.append(_function(tool.name or "web_search", "Search the web.", WEB_SEARCH))
        elif kind == "custom" or tool.input_schema is not None:
            functions.append(_custom(tool, f"tools[{index}]"))
        else:
            left_out[f"tools.{plain(kind)}"] = None
    return tuple(functions), tuple(left_out)


def read_tool_choice(choice: schemas.ToolChoice | None, *, has_tools: bool) -> ToolChoice:
    """What `tool_choice` says. Raises InvalidRequest when it demands a call that cannot be."""
    if choice is None:
        return ToolChoice()
    mode = MODES.get(choice.type)
    if mode is None:
        raise InvalidRequest(
            f"tool_choice.type must be one of {', '.join(MODES)}", field="tool_choice.type"
        )
    if mode == "required" and not has_tools:
        raise InvalidRequest("tool_choice: there are no tools to choose from", field="tool_choice")
    if choice.type == "tool" and not choice.name:
        raise InvalidRequest("tool_choice.name is required", field="tool_choice.name")
    return ToolChoice(
        mode,  # type: ignore[arg-type]
        (choice.name,) if choice.type == "tool" and choice.name else (),
        is_parallel=not choice.disable_parallel_tool_use,
    )


def plain(kind: str) -> str:
    """A client's word as it may stand in a header."""
    return kind if _PLAIN_NAME.fullmatch(kind) else "unknown"


def _custom(tool: schemas.Tool, place: str) -> Mapping[str, Any]:
    if not tool.name:
        raise InvalidRequest(f"{place}.name is required", field=f"{place}.name")
    if tool.input_schema is not None and not isinstance(tool.input_schema, dict):
        raise InvalidRequest(
            f'invalid input_schema for tool "{tool.name[:100]}": it must be an object',
            field=f"{place}.input_schema",
        )
    return _function(tool.name, tool.description or "", tool.input_schema)


def _function(name: str, description: str, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """A tool as `inference` knows them. Without parameters it takes no arguments."""
    function: dict[str, Any] = {"name": name, "description": description}
    if parameters is not None:
        function["parameters"] = parameters
    return {"type": "function", "function": function}
