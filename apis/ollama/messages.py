"""The turns of /api/chat as messages. Pure.

Ollama's clients may leave out the ids of tool calls: results then belong to the calls before them
by the tool's name, else by their order. Templates that want ids get them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apis.conversation import new_call_id
from apis.ollama.schemas import ChatMessage
from inference.requests import Message

ROLES = ("system", "user", "assistant", "tool")


def read_messages(turns: Sequence[ChatMessage]) -> list[Message]:
    """The turns, with their tool calls and the results of these tied together."""
    messages: list[Message] = []
    open_calls: list[dict[str, Any]] = []
    for turn in turns:
        extra: dict[str, Any] = {}
        if turn.thinking:
            extra["thinking"] = turn.thinking
        if turn.tool_calls:
            calls = [
                {
                    "id": call.id or new_call_id(),
                    "type": "function",
                    "function": {
                        "name": call.function.name,
                        "arguments": call.function.arguments or {},
                    },
                }
                for call in turn.tool_calls
            ]
            extra["tool_calls"] = calls
            open_calls = list(calls)
        if turn.role.lower() == "tool":
            extra |= _of_result(turn, open_calls)
        elif turn.tool_name:
            extra["name"] = turn.tool_name
        messages.append(Message(turn.role.lower(), turn.content or "", extra))  # type: ignore[arg-type]
    return messages


def _of_result(turn: ChatMessage, open_calls: list[dict[str, Any]]) -> dict[str, str]:
    """Which call a result answers; that one is not open any more."""
    answered = next(
        (
            call
            for call in open_calls
            if (turn.tool_call_id or call["id"]) == call["id"]
            and (turn.tool_call_id or turn.tool_name or call["function"]["name"])
            in (call["id"], call["function"]["name"])
        ),
        None,
    )
    if answered is not None:
        open_calls.remove(answered)
    name = turn.tool_name or (answered["function"]["name"] if answered else "")
    call_id = turn.tool_call_id or (answered["id"] if answered else "")
    found = {"name": name, "tool_name": name, "tool_call_id": call_id}
    return {key: value for key, value in found.items() if value}
