"""What a browser may say on the chat websocket, checked before anything acts on it.

`parse_command` is pure: a frame in, a command out, or `BadCommand` with a sentence for the person.
What was said before is not among it: the server has it (`conversations`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from npuconsole.console.chat.choices import (
    LARGEST_NUMBER,
    Choices,
    Unfit,
    check_length,
    read_choices,
)

MAX_FRAME_BYTES = 512 * 1024
MAX_ID_CHARACTERS = 40


class BadCommand(Exception):
    """The frame cannot be acted on. `stream_id` is the answer it was about, "" if unknown."""

    def __init__(self, message: str, stream_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stream_id = stream_id


@dataclass(frozen=True, slots=True)
class Ask:
    """Put this question, in a new conversation (None) or behind what was said in one. `stream_id`
    is the browser's name for the answers."""

    stream_id: str
    conversation: int | None
    text: str
    choices: Choices


@dataclass(frozen=True, slots=True)
class Again:
    """Answer a question of that conversation once more, in one lane."""

    stream_id: str
    conversation: int
    question: int
    lane: int
    choices: Choices


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop those answers, or the one in that lane."""

    stream_id: str
    lane: int | None = None


Command = Ask | Again | Stop


def parse_command(text: str | None) -> Command:
    """The command in a text frame; a binary frame arrives as None."""
    if text is None:
        raise BadCommand("Only text frames with JSON are understood here.")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        raise BadCommand(f"That is over {MAX_FRAME_BYTES // 1024} kB.")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadCommand("That was not valid JSON.") from None
    if not isinstance(frame, dict):
        raise BadCommand("A JSON object was expected.")
    stream_id = frame.get("id")
    if not isinstance(stream_id, str) or not 0 < len(stream_id) <= MAX_ID_CHARACTERS:
        raise BadCommand(f'"id" must be a text of 1 to {MAX_ID_CHARACTERS} characters.')
    try:
        match frame.get("type"):
            case "ask":
                return _ask(frame, stream_id)
            case "again":
                return _again(frame, stream_id)
            case "stop":
                return Stop(stream_id, _number(frame, "lane", may_be_null=True))
    except Unfit as unfit:
        raise BadCommand(str(unfit), stream_id) from None
    raise BadCommand('"type" must be "ask", "again" or "stop".', stream_id)


def _ask(frame: dict[str, Any], stream_id: str) -> Ask:
    text = frame.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Unfit("Write a message first.")
    check_length(text, "A message")
    conversation = _number(frame, "conversation", may_be_null=True)
    return Ask(stream_id, conversation, text.strip(), read_choices(frame.get("choices")))


def _again(frame: dict[str, Any], stream_id: str) -> Again:
    choices = read_choices(frame.get("choices"))
    conversation, question, lane = (
        _number(frame, name) or 0 for name in ("conversation", "question", "lane")
    )
    if lane >= len(choices.lanes):
        raise Unfit("There is no such lane.")
    return Again(stream_id, conversation, question, lane, choices)


def _number(frame: dict[str, Any], name: str, *, may_be_null: bool = False) -> int | None:
    value = frame.get(name)
    if value is None and may_be_null:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
        raise Unfit(f'"{name}" must be a whole number.')
    return value
