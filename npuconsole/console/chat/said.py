"""What was said in a conversation, as the model that goes on with it is to read it. Pure.

Every lane of a conversation has a history of its own: each question with the last answer that this
lane gave to it. Where it gave none (a model that joined later), the first lane's stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.requests import Message


@dataclass(frozen=True, slots=True)
class Said:
    """One message. An answer names the `question` it is to and its `lane`; `calls` have "id",
    "name" and "arguments"."""

    id: int
    role: str  # "user", "assistant"
    content: str
    thinking: str = ""
    calls: Sequence[dict[str, Any]] = field(default_factory=tuple)
    question: int = 0
    lane: int = 0

    @property
    def is_usable(self) -> bool:
        """Whether a model can go on behind it; an answer that failed at once says nothing."""
        return bool(self.content.strip() or self.calls)


def history(said: Sequence[Said], question: int, lane: int) -> tuple[Message, ...]:
    """The messages up to that question and with it, for that lane. Questions that nobody answered
    are left out; what follows a call is what the tool gave back."""
    answers = _answers(said)
    messages: list[Message] = []
    calls: Sequence[dict[str, Any]] = ()
    for asked in said:
        if asked.role != "user" or asked.id > question:
            continue
        answer = answers.get((asked.id, lane)) or answers.get((asked.id, 0))
        if asked.id != question and answer is None:
            continue
        messages += _results(asked.content, calls) or [Message("user", asked.content)]
        if asked.id != question and answer is not None:
            messages.append(_answer(answer))
            calls = answer.calls
    return tuple(messages)


def _answers(said: Sequence[Said]) -> dict[tuple[int, int], Said]:
    """The last usable answer by (question, lane)."""
    return {
        (one.question, one.lane): one for one in said if one.role == "assistant" and one.is_usable
    }


def _answer(said: Said) -> Message:
    extra: dict[str, Any] = {}
    if said.thinking:
        extra["thinking"] = said.thinking
    if said.calls:
        extra["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in said.calls
        ]
    return Message("assistant", said.content, extra)


def _results(text: str, calls: Sequence[dict[str, Any]]) -> list[Message]:
    return [
        Message(
            "tool",
            text,
            {"tool_call_id": call["id"], "name": call["name"], "tool_name": call["name"]},
        )
        for call in calls
    ]
