"""Which functions a chat may call, and which it must: `tools`, `tool_choice`, and their older names
`functions` and `function_call`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apis.conversation import answer_schema
from apis.openai.schemas import ChatBody
from inference.errors import InvalidRequest
from inference.requests import ToolChoice

LONGEST_NAME = 256
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}

Tool = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """`tools` are in the internal form. Of a `is_legacy` request calls go out as function_call."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = ToolChoice()
    is_legacy: bool = False

    @property
    def may_call(self) -> bool:
        """Whether the answer can hold calls."""
        return bool(self.tools) and self.choice.mode != "none"

    @property
    def is_named(self) -> bool:
        """Whether the client itself chose the function: OpenAI then says "stop" at the end."""
        return bool(self.choice.names)


def read_offer(body: ChatBody) -> Offer:
    """What that request offers and demands. Raises InvalidRequest naming the field."""
    if body.tools:
        tools = tuple(_tool(it, f"tools[{place}]") for place, it in enumerate(body.tools))
        return _chosen(tools, body.tool_choice, is_parallel=body.parallel_tool_calls is not False)
    if body.functions:
        tools = tuple(
            _tool({"function": it}, f"functions[{place}]", function=f"functions[{place}]")
            for place, it in enumerate(body.functions)
        )
        return Offer(tools, _legacy_choice(body.function_call, tools), is_legacy=True)
    if body.tool_choice not in (None, "none", "auto"):
        raise InvalidRequest("tool_choice: there are no tools to choose from", field="tool_choice")
    return Offer()


def _tool(given: Mapping[str, Any], field: str, function: str = "") -> Tool:
    kind = given.get("type", "function")
    if kind != "function":
        raise InvalidRequest(
            f"{field}.type: {str(kind)[:40]!r} is not supported, only 'function' is",
            field=f"{field}.type",
        )
    function = function or f"{field}.function"
    told = given.get("function")
    if not isinstance(told, Mapping):
        raise InvalidRequest(f"{function}: must be an object", field=function)
    name = told.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidRequest(
            f"{function}.name: must be a text of 1 to {LONGEST_NAME} characters",
            field=f"{function}.name",
        )
    parameters = told.get("parameters")
    if parameters is None:
        parameters = NO_PARAMETERS
    if not isinstance(parameters, Mapping):
        raise InvalidRequest(
            f"{function}.parameters: must be a JSON schema", field=f"{function}.parameters"
        )
    answer_schema(parameters, f"{function}.parameters")
    description = told.get("description")
    described = {"description": description} if isinstance(description, str) else {}
    return {
        "type": "function",
        "function": {"name": name, **described, "parameters": parameters},
    }


def _chosen(tools: tuple[Tool, ...], choice: Any, *, is_parallel: bool) -> Offer:
    if choice is None or choice in ("auto", "none", "required"):
        return Offer(tools, ToolChoice(choice or "auto", is_parallel=is_parallel))
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind == "function":
        name = _named(choice.get("function"), tools, "tool_choice")
        return Offer(tools, ToolChoice("required", (name,), is_parallel))
    if kind == "allowed_tools":
        allowed = choice.get("allowed_tools")
        return _allowed(tools, allowed if isinstance(allowed, Mapping) else choice, is_parallel)
    raise InvalidRequest(
        "tool_choice must be none, auto, required, a function or allowed_tools", field="tool_choice"
    )


def _allowed(tools: tuple[Tool, ...], allowed: Mapping[str, Any], is_parallel: bool) -> Offer:
    """Only some of the tools may be called: the model is told of no others."""
    mode, named = allowed.get("mode"), allowed.get("tools")
    if mode not in ("auto", "required") or not isinstance(named, list) or not named:
        raise InvalidRequest(
            "tool_choice.allowed_tools needs mode auto or required, and tools", field="tool_choice"
        )
    names = {
        _named(it.get("function", it) if isinstance(it, Mapping) else None, tools, "tool_choice")
        for it in named
    }
    left = tuple(tool for tool in tools if tool["function"]["name"] in names)
    return Offer(left, ToolChoice(mode, is_parallel=is_parallel))


def _legacy_choice(choice: Any, tools: Sequence[Tool]) -> ToolChoice:
    if choice is None or choice in ("auto", "none"):
        return ToolChoice(choice or "auto", is_parallel=False)
    return ToolChoice("required", (_named(choice, tools, "function_call"),), is_parallel=False)


def _named(function: Any, tools: Sequence[Tool], field: str) -> str:
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str):
        raise InvalidRequest(f"{field} must name a function", field=field)
    if all(tool["function"]["name"] != name for tool in tools):
        raise InvalidRequest(f"{field} names {name[:80]!r}, which is not there", field=field)
    return name
