"""What a browser may say on the chat websocket, checked before anything acts on it.

`parse_command` is pure: a frame in, a command out, or `BadCommand` with a sentence for the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson

from inference.requests import Message

MAX_FRAME_BYTES = 512 * 1024
MAX_TEXT_CHARACTERS = 32_000
MAX_MESSAGES = 200
MAX_NAME_CHARACTERS = 250
MAX_ID_CHARACTERS = 40

Role = Literal["system", "user", "assistant"]


class BadCommand(Exception):
    """The frame cannot be acted on. `stream_id` is the answer it was about, "" if unknown."""

    def __init__(self, message: str, stream_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stream_id = stream_id


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer this conversation. `stream_id` is the browser's name for the answer."""

    stream_id: str
    model: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop that answer."""

    stream_id: str


def parse_command(text: str | None) -> Ask | Stop:
    """The command in a text frame; a binary frame arrives as None."""
    if text is None:
        raise BadCommand("Only text frames with JSON are understood here.")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        raise BadCommand(
            f"The conversation is over {MAX_FRAME_BYTES // 1024} kB; start a new chat."
        )
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadCommand("That was not valid JSON.") from None
    if not isinstance(frame, dict):
        raise BadCommand("A JSON object was expected.")
    stream_id = frame.get("id")
    if not isinstance(stream_id, str) or not 0 < len(stream_id) <= MAX_ID_CHARACTERS:
        raise BadCommand(f'"id" must be a text of 1 to {MAX_ID_CHARACTERS} characters.')
    match frame.get("type"):
        case "ask":
            return Ask(stream_id, _model(frame, stream_id), _messages(frame, stream_id))
        case "stop":
            return Stop(stream_id)
    raise BadCommand('"type" must be "ask" or "stop".', stream_id)


def _model(frame: dict[str, Any], stream_id: str) -> str:
    model = frame.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadCommand("Choose a model first.", stream_id)
    if len(model) > MAX_NAME_CHARACTERS:
        raise BadCommand(f"A model's name has at most {MAX_NAME_CHARACTERS} characters.", stream_id)
    return model.strip()


def _messages(frame: dict[str, Any], stream_id: str) -> tuple[Message, ...]:
    raw = frame.get("messages")
    if not isinstance(raw, list) or not raw:
        raise BadCommand("Write a message first.", stream_id)
    if len(raw) > MAX_MESSAGES:
        raise BadCommand(f"A chat has at most {MAX_MESSAGES} messages; start a new one.", stream_id)
    messages = tuple(_message(item, stream_id) for item in raw)
    last = messages[-1]
    if last.role != "user" or not last.content.strip():
        raise BadCommand("Write a message first.", stream_id)
    return messages


def _message(item: object, stream_id: str) -> Message:
    if not isinstance(item, dict):
        raise BadCommand("Every message must be a JSON object.", stream_id)
    role, content = item.get("role"), item.get("content")
    if role not in ("system", "user", "assistant"):
        raise BadCommand('A message\'s "role" must be system, user or assistant.', stream_id)
    if not isinstance(content, str):
        raise BadCommand('A message\'s "content" must be text.', stream_id)
    if len(content) > MAX_TEXT_CHARACTERS:
        raise BadCommand(
            f"A message has at most {MAX_TEXT_CHARACTERS:,} characters, this one {len(content):,}.",
            stream_id,
        )
    return Message(role=cast("Role", role), content=content)
