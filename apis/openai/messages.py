"""OpenAI's messages as the internal ones. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from apis.conversation import full_name
from apis.openai.schemas import CalledFunction, ChatMessage, ContentPart
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import Message
from inference.snapshot import ModelInfo

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
LEGACY_ID = "call_legacy"
"""The id of calls from before calls had ids, of which a turn makes one and the next answers it."""


def read_messages(messages: Sequence[ChatMessage], model: ModelInfo) -> list[Message]:
    """The conversation. The name of a tool's result is that of the call with its id."""
    names = {
        call.id: call.function.name
        for message in messages
        for call in message.tool_calls or ()
        if call.id
    }
    return [
        _message(message, f"messages[{index}]", names, model)
        for index, message in enumerate(messages)
    ]


def _message(
    message: ChatMessage, place: str, call_names: dict[str, str], model: ModelInfo
) -> Message:
    role = ROLES.get(message.role)
    if role is None:
        allowed = ", ".join(ROLES)
        raise InvalidRequest(
            f"{place}.role: {message.role[:40]!r} is not one of {allowed}", field=f"{place}.role"
        )
    extra: dict[str, Any] = {}
    if message.name:
        extra["name"] = message.name
    if calls := _calls(message, place):
        extra["tool_calls"] = calls
    if message.role == "function":
        extra |= {"tool_call_id": LEGACY_ID, "tool_name": message.name or ""}
    elif message.tool_call_id:
        extra["tool_call_id"] = message.tool_call_id
        if name := call_names.get(message.tool_call_id):
            extra["name"] = extra["tool_name"] = name
    if reasoning := message.reasoning or message.reasoning_content:
        extra["thinking"] = reasoning
    return Message(role, _content(message, place, model), extra)  # type: ignore[arg-type]


def _calls(message: ChatMessage, place: str) -> list[dict[str, Any]]:
    calls = [(call.id, call.function) for call in message.tool_calls or ()]
    if message.function_call is not None and not calls:
        calls = [(LEGACY_ID, message.function_call)]
    return [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": function.name, "arguments": _arguments(function, place)},
        }
        for call_id, function in calls
    ]


def _content(message: ChatMessage, place: str, model: ModelInfo) -> str:
    if isinstance(message.content, str):
        return message.content
    if message.content is None:
        says_else = (
            message.tool_calls
            or message.function_call
            or message.refusal
            or message.reasoning
            or message.reasoning_content
        )
        if message.role == "assistant" and says_else:
            return message.refusal or ""
        raise InvalidRequest("invalid message format", field=f"{place}.content")
    return "".join(_part_text(part, f"{place}.content", model) for part in message.content)


def _part_text(part: ContentPart, field: str, model: ModelInfo) -> str:
    if part.type == "text" and part.text is not None:
        return part.text
    if part.type == "refusal" and part.refusal is not None:
        return part.refusal
    if part.type == "image_url":
        url = part.image_url.get("url") if isinstance(part.image_url, dict) else part.image_url
        if not isinstance(url, str):
            raise InvalidRequest("invalid image input", field=field)
        if url.startswith(("http://", "https://")):
            raise InvalidRequest(
                "image URLs are not currently supported, please use base64 encoded data instead",
                field=field,
            )
        raise CapabilityMissing(f"{full_name(model)} does not support vision", capability="vision")
    if part.type == "input_audio":
        raise CapabilityMissing(f"{full_name(model)} does not support audio", capability="audio")
    if part.type == "file":
        raise InvalidRequest("file inputs are not currently supported", field=field)
    raise InvalidRequest("invalid message format", field=field)


def _arguments(function: CalledFunction, place: str) -> dict[str, Any]:
    """The arguments of an earlier call, which templates want as an object."""
    given = function.arguments
    try:
        value = orjson.loads(given or "{}") if not isinstance(given, dict) else given
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest("invalid tool call arguments", field=f"{place}.tool_calls")
    return value
