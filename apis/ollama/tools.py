"""The tools of /api/chat, and which of them must be called. Pure: raises InvalidRequest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference.errors import InvalidRequest
from inference.requests import ToolChoice

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_MODES = {"auto": ToolChoice(), "none": ToolChoice("none")}
_MUST = ("required", "any")


def read_tools(tools: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The tools as prompts present them: what they hold, in its order."""
    return tuple(_tool(tool, f"tools[{number}]") for number, tool in enumerate(tools))


def read_tool_choice(choice: Any, tools: Sequence[dict[str, Any]]) -> ToolChoice:
    """`tool_choice` is not Ollama's; clients write it as OpenAI's do."""
    if choice is None or choice == "":
        return ToolChoice()
    if isinstance(choice, str) and choice in _MODES:
        return _MODES[choice]
    if not tools:
        raise InvalidRequest("tool_choice: there are no tools", field="tool_choice")
    if isinstance(choice, str) and choice in _MUST:
        return ToolChoice("required")
    name = _named(choice)
    if name is None:
        raise InvalidRequest(
            'tool_choice must be "auto", "none", "required" or name a function',
            field="tool_choice",
        )
    if name not in (tool["function"]["name"] for tool in tools):
        raise InvalidRequest(f"tool_choice: there is no tool {name[:80]!r}", field="tool_choice")
    return ToolChoice("required", (name,))


def _tool(tool: dict[str, Any], place: str) -> dict[str, Any]:
    function = tool.get("function")
    if tool.get("type") not in (None, "", "function"):
        raise InvalidRequest(f'{place}.type: must be "function"', field="tools")
    if not isinstance(function, dict):
        raise InvalidRequest(f"{place}.function: must be an object", field="tools")
    name, description = function.get("name"), function.get("description")
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"{place}.function.name: must be a name", field="tools")
    if not isinstance(description, str | None):
        raise InvalidRequest(f"{place}.function.description: must be a text", field="tools")
    parameters = function.get("parameters")
    if not isinstance(parameters, dict | None):
        raise InvalidRequest(f"{place}.function.parameters: must be an object", field="tools")
    told = {key: value for key, value in function.items() if value is not None}
    return {"type": "function", "function": told | {"parameters": parameters or _NO_PARAMETERS}}


def _named(choice: Any) -> str | None:
    if isinstance(choice, dict):
        function = choice.get("function", choice)
        name = function.get("name") if isinstance(function, dict) else None
        return name if isinstance(name, str) else None
    return choice if isinstance(choice, str) else None
