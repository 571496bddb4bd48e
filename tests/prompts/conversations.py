"""Conversations and tools that the tests of this room share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.requests import Message

TEMPLATES = Path(__file__).parent / "templates"
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
FAMILIES = sorted(path.stem for path in TEMPLATES.glob("*.jinja"))

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place, in °C & words like <sunny>.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Zürich, München…"},
                "days": {"type": "integer", "minimum": 1},
            },
            "required": ["city"],
        },
    },
}
ADD: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
        },
    },
}
TOOLS = (WEATHER, ADD)


def template_of(family: str) -> str:
    return (TEMPLATES / f"{family}.jinja").read_text(encoding="utf-8")


def call(name: str, call_id: str = "call_abc12345", **arguments: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


QUESTION = (Message("user", "What is 2 + 3, and the weather in Zürich?"),)
WITH_SYSTEM = (Message("system", "Be brief."), *QUESTION)
SEVERAL_TURNS = (
    *WITH_SYSTEM,
    Message("assistant", " It is 5. \n"),
    Message("user", "And 3 + 4?\n"),
)
CALLED = (
    *WITH_SYSTEM,
    Message("assistant", "", {"tool_calls": [call("add", a=2, b=3.5)]}),
    Message("tool", '{"sum": 5.5}', {"tool_call_id": "call_abc12345", "name": "add"}),
)
CALLED_TWICE = (
    *QUESTION,
    Message(
        "assistant",
        "Both at once.",
        {"tool_calls": [call("add", a=2, b=3), call("get_weather", "call_2", city="Zürich")]},
    ),
    Message("tool", "5", {"tool_call_id": "call_abc12345", "name": "add"}),
    Message("tool", "sunny", {"tool_call_id": "call_2", "name": "get_weather"}),
)
REASONED = (
    *QUESTION,
    Message("assistant", "It is 5.", {"thinking": "Two and three\nare five."}),
    Message("user", "Sure?"),
)
