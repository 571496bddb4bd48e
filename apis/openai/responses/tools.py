"""Which tools a request offers, and under which names the model knows them. Pure.

Codex groups tools in namespaces; the model sees `namespace.tool`. A call goes back as `name` and
`namespace` apart: Codex does not know its own tool by the joined name. A custom tool takes one text
instead of arguments; to the model it is a function with the one argument `input`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apis.openai.responses.schemas import NamedTool, ResponsesBody, Tool
from inference.errors import InvalidRequest
from inference.requests import ToolChoice

CUSTOM_INPUT = "input"
CUSTOM_PARAMETERS = {
    "type": "object",
    "properties": {CUSTOM_INPUT: {"type": "string"}},
    "required": [CUSTOM_INPUT],
    "additionalProperties": False,
}
NO_PARAMETERS = {"type": "object", "properties": {}}
CALLABLE = ("function", "custom")
MODES = ("auto", "none", "required")


@dataclass(frozen=True, slots=True)
class Offered:
    """One tool that can be called, in its client's words."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class Toolbox:
    """`tools` as the prompt has them, `echo` as the response object has them, `offered` by the name
    that the model knows; `dropped` are the types of those that cannot be run here."""

    tools: tuple[Mapping[str, Any], ...] = ()
    echo: tuple[Mapping[str, Any], ...] = ()
    offered: Mapping[str, Offered] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def shown(word: str) -> str:
    """A client's word as a header may have it."""
    return re.sub(r"[^\w.-]", "_", word[:60], flags=re.ASCII)


def model_name(name: str, namespace: str | None) -> str:
    """The name by which the model knows a tool."""
    return f"{namespace}.{name}" if namespace else name


def read_tools(tools: list[Tool] | None) -> Toolbox:
    """The tools of a request. Raises InvalidRequest for one without a name."""
    prompt: list[Mapping[str, Any]] = []
    echo: list[Mapping[str, Any]] = []
    offered: dict[str, Offered] = {}
    dropped: list[str] = []
    ignored: list[str] = []

    def add(tool: Tool, place: str, namespace: str | None) -> Mapping[str, Any]:
        if not tool.name:
            raise InvalidRequest(f"{place}.name is missing", field=f"{place}.name")
        name = model_name(tool.name, namespace)
        is_custom = tool.type == "custom"
        parameters = CUSTOM_PARAMETERS if is_custom else tool.parameters or NO_PARAMETERS
        if is_custom and tool.format is not None and tool.format.type != "text":
            ignored.append(f"{place}.format")
        function = {
            "name": name,
            "description": tool.description or "",
            "parameters": parameters,
        }
        prompt.append({"type": "function", "function": function})
        offered[name] = Offered(tool.name, namespace, is_custom)
        return _custom_echo(tool) if is_custom else _function_echo(tool)

    for index, tool in enumerate(tools or ()):
        place = f"tools[{index}]"
        if tool.type in CALLABLE:
            echo.append(add(tool, place, None))
        elif tool.type == "namespace":
            if not tool.name:
                raise InvalidRequest(f"{place}.name is missing", field=f"{place}.name")
            inner = [
                add(one, f"{place}.tools[{at}]", tool.name)
                for at, one in enumerate(tool.tools or ())
                if one.type in CALLABLE
            ]
            dropped += [one.type for one in tool.tools or () if one.type not in CALLABLE]
            echo.append(
                {
                    "type": "namespace",
                    "name": tool.name,
                    "description": tool.description or "",
                    "tools": inner,
                }
            )
        else:
            dropped.append(tool.type)
    ignored += [f"tools: {shown(kind)}" for kind in dict.fromkeys(dropped)]
    return Toolbox(tuple(prompt), tuple(echo), offered, tuple(dropped), tuple(ignored))


def read_choice(body: ResponsesBody, box: Toolbox) -> tuple[ToolChoice, str | Mapping[str, Any]]:
    """What may or must be called, and the same as the response object has it.

    Raises InvalidRequest when a tool is demanded that is not there or cannot be run here.
    """
    parallel = body.parallel_tool_calls is not False
    wanted = body.tool_choice
    if wanted is None:
        wanted = "auto"
    if isinstance(wanted, str):
        if wanted not in MODES:
            raise _bad_choice(f"{wanted[:40]!r} is not one of {', '.join(MODES)}")
        if wanted == "required" and not box.tools:
            raise _bad_choice("'required' needs tools that can be called")
        return ToolChoice(wanted, is_parallel=parallel), wanted  # type: ignore[arg-type]
    if wanted.type == "allowed_tools":
        if wanted.mode not in ("auto", "required"):
            raise _bad_choice("the mode of allowed_tools is either auto or required")
        names, echo = [], []
        for tool in wanted.tools or ():
            if tool.type not in box.dropped:
                names.append(_named(tool, box))
                echo.append(_choice_echo(tool))
        if not names:
            raise _bad_choice("allowed_tools names no tool that can be called")
        mode = wanted.mode
        told = {"type": "allowed_tools", "mode": mode, "tools": echo}
        return ToolChoice(mode, tuple(names), parallel), told  # type: ignore[arg-type]
    return ToolChoice("required", (_named(wanted, box),), parallel), _choice_echo(wanted)


def _named(tool: NamedTool, box: Toolbox) -> str:
    """The model's name of the tool that is meant."""
    name = _name_of(tool)
    if tool.type not in CALLABLE:
        raise _bad_choice(f"{tool.type[:40]!r} is run by servers that have it, this one does not")
    joined = model_name(name, tool.namespace)
    if joined in box.offered:
        return joined
    # A tool of a namespace may be named alone where that is clear.
    found = [known for known, one in box.offered.items() if one.name == name]
    if len(found) != 1:
        raise _bad_choice(f"{name[:80]!r} is not among the tools")
    return found[0]


def _name_of(tool: NamedTool) -> str:
    return tool.name or (tool.function.name if tool.function else None) or ""


def _choice_echo(tool: NamedTool) -> dict[str, Any]:
    return {"type": tool.type, "name": _name_of(tool)}


def _function_echo(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        # Arguments are held to the schema whatever is said; OpenAI's default is true as well.
        "strict": tool.strict is not False,
    }


def _custom_echo(tool: Tool) -> dict[str, Any]:
    return {
        "type": "custom",
        "name": tool.name,
        "description": tool.description,
        "format": {"type": "text"},
    }


def _bad_choice(text: str) -> InvalidRequest:
    return InvalidRequest(f"tool_choice: {text}", field="tool_choice")
