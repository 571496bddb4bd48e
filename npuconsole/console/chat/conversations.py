"""Conversations in the database: what the chat writes, and what its pages read.

Everything here blocks on the database: pages call it in their thread, the websocket through
`inference.database.in_database_thread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Length
from django.utils import timezone

from inference.models import Conversation, ConversationMessage
from inference.requests import Message
from npuconsole.console.chat.choices import Choices
from npuconsole.console.chat.commands import Again, Ask, BadCommand
from npuconsole.console.chat.said import Said, history

MAX_MESSAGES = 400
TITLE_CHARACTERS = 80
_GONE = "That conversation was deleted; start a new one."


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that is to be answered in `lanes`; `histories` has the messages of each of them.
    The ids are rows'."""

    stream_id: str
    conversation: int
    title: str
    question: int
    choices: Choices
    lanes: tuple[int, ...]
    histories: tuple[tuple[Message, ...], ...]


@dataclass(slots=True)
class Draft:
    """An answer while it comes. `receipt` says where it ran, why, and what it took."""

    content: str = ""
    thinking: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)


def open_turn(command: Ask | Again) -> Turn:
    """Keep the question (of an `Ask`) and the choices, and say what the lanes are to go on with.

    Raises BadCommand if the conversation or question is gone, or the conversation is full.
    """
    choices = command.choices
    with transaction.atomic():
        if isinstance(command, Ask):
            conversation = _conversation_for(command)
            question = _add_question(conversation, command)
            lanes = tuple(range(len(choices.lanes)))
        else:
            conversation = _find(command.conversation, command.stream_id)
            question, lanes = command.question, (command.lane,)
        conversation.settings = choices.as_json()
        conversation.save()
        said = read_said(conversation.pk)
        if not any(one.id == question and one.role == "user" for one in said):
            raise BadCommand("That question was deleted.", command.stream_id)
    return Turn(
        command.stream_id,
        conversation.pk,
        conversation.title,
        question,
        choices,
        lanes,
        tuple(history(said, question, lane) for lane in lanes),
    )


def keep_answer(turn: Turn, lane: int, draft: Draft) -> int | None:
    """Keep an answer, however it ended; its row's id, None if the conversation is gone."""
    with transaction.atomic():
        touched = Conversation.objects.filter(pk=turn.conversation).update(
            modified_at=timezone.now()
        )
        if not touched:
            return None
        row = ConversationMessage.objects.create(
            conversation_id=turn.conversation,
            role=ConversationMessage.Role.ASSISTANT,
            content=_storable(draft.content),
            thinking=_storable(draft.thinking),
            tool_calls=draft.calls,
            receipt={**draft.receipt, "question": turn.question},
            lane=lane,
        )
    return row.pk


def read_said(conversation: int) -> list[Said]:
    """Everything said in a conversation, oldest first."""
    rows = ConversationMessage.objects.filter(conversation_id=conversation).order_by("pk")
    return [_said(row) for row in rows]


def read_messages(conversation: int) -> list[dict[str, Any]]:
    """The same for the page, with receipts."""
    rows = ConversationMessage.objects.filter(conversation_id=conversation).order_by("pk")
    return [
        {
            "id": row.pk,
            "role": row.role,
            "content": row.content,
            "thinking": row.thinking,
            "calls": row.tool_calls,
            "lane": row.lane,
            "question": row.receipt.get("question", 0),
            "receipt": row.receipt,
        }
        for row in rows
    ]


def weigh(conversation: int) -> tuple[int, int]:
    """(messages, characters) that deleting it removes."""
    found = ConversationMessage.objects.filter(conversation_id=conversation).aggregate(
        messages=Count("pk"), characters=Sum(Length("content") + Length("thinking"))
    )
    return found["messages"], found["characters"] or 0


def delete(conversation: int) -> bool:
    """Delete a conversation with its messages; whether there was one."""
    deleted, _ = Conversation.objects.filter(pk=conversation).delete()
    return bool(deleted)


def title_of(text: str) -> str:
    """A conversation's title: how its first question begins, cut between words."""
    words = " ".join(text[: 4 * TITLE_CHARACTERS].split())
    if len(words) <= TITLE_CHARACTERS:
        return words
    cut = words[: TITLE_CHARACTERS - 1]
    head, space, _ = cut.rpartition(" ")
    return f"{head if space and len(head) > TITLE_CHARACTERS // 2 else cut}…"


def _conversation_for(ask: Ask) -> Conversation:
    if ask.conversation is None:
        return Conversation.objects.create(title=_storable(title_of(ask.text)))
    conversation = _find(ask.conversation, ask.stream_id)
    if conversation.messages.count() >= MAX_MESSAGES:
        raise BadCommand(
            f"A conversation has at most {MAX_MESSAGES} messages; start a new one.", ask.stream_id
        )
    return conversation


def _find(pk: int, stream_id: str) -> Conversation:
    conversation = Conversation.objects.filter(pk=pk).first()
    if conversation is None:
        raise BadCommand(_GONE, stream_id)
    return conversation


def _add_question(conversation: Conversation, ask: Ask) -> int:
    row = ConversationMessage.objects.create(
        conversation=conversation,
        role=ConversationMessage.Role.USER,
        content=_storable(ask.text),
    )
    return row.pk


def _said(row: ConversationMessage) -> Said:
    calls: Sequence[dict[str, Any]] = row.tool_calls or ()
    question = int(row.receipt.get("question", 0))
    return Said(row.pk, row.role, row.content, row.thinking, calls, question, row.lane)


def _storable(text: str) -> str:
    """PostgreSQL takes no null characters."""
    return text.replace("\x00", "\ufffd")
