"""Conversations in the database: kept by the server, searched, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from inference.models import Conversation, ConversationMessage
from npuconsole.console.chat.choices import Choices, Lane
from npuconsole.console.chat.commands import Again, Ask, BadCommand
from npuconsole.console.chat.conversations import (
    MAX_MESSAGES,
    Draft,
    Turn,
    delete,
    keep_answer,
    open_turn,
    read_messages,
    title_of,
    weigh,
)
from npuconsole.console.chat.searching import PAGE_SIZE, find_conversations, snippet_of

BOTH = Choices((Lane("m", "NPU"), Lane("m", "CPU")))
pytestmark = pytest.mark.usefixtures("rows")


def ask(text: str, conversation: int | None = None) -> Turn:
    return open_turn(Ask("a1", conversation, text, BOTH))


def talk(title: str, *contents: str) -> Conversation:
    conversation = Conversation.objects.create(title=title)
    conversation.messages.bulk_create(
        ConversationMessage(conversation=conversation, role="user", content=content)
        for content in contents
    )
    return conversation


def titles(query: str) -> set[str]:
    return {one.title for one in find_conversations(query)[0]}


def test_a_question_begins_a_conversation_and_its_answers_are_kept_by_lane() -> None:
    turn = ask("Why is\n\n the sky blue?")
    for lane in turn.lanes:
        draft = Draft("Because.", "Hm.", receipt={"device": f"D{lane}"})
        keep_answer(turn, lane, draft)

    second = ask("And at night?", turn.conversation)

    assert (turn.title, turn.lanes) == ("Why is the sky blue?", (0, 1))
    assert Conversation.objects.get().settings == BOTH.as_json()
    question, left, right, _ = read_messages(turn.conversation)
    assert question["content"] == "Why is\n\n the sky blue?"
    assert (left["lane"], right["lane"]) == (0, 1)
    assert right["receipt"] == {"device": "D1", "question": turn.question}
    assert [m.content for m in second.histories[1]][1:] == ["Because.", "And at night?"]


def test_a_question_is_answered_again_without_being_asked_again() -> None:
    turn = ask("one")
    keep_answer(turn, 1, Draft("first"))

    again = open_turn(Again("a2", turn.conversation, turn.question, 1, BOTH))
    keep_answer(again, 1, Draft("second"))

    assert again.lanes == (1,)
    assert [m.content for m in again.histories[0]] == ["one"]
    assert ConversationMessage.objects.filter(role="user").count() == 1
    assert [m["content"] for m in read_messages(turn.conversation)] == ["one", "first", "second"]


def test_nothing_is_kept_of_a_conversation_that_is_gone() -> None:
    turn = ask("one")
    assert delete(turn.conversation)

    assert keep_answer(turn, 0, Draft("late")) is None
    assert not ConversationMessage.objects.exists()
    assert not delete(turn.conversation)
    with pytest.raises(BadCommand, match="deleted"):
        ask("two", turn.conversation)
    with pytest.raises(BadCommand, match="deleted"):
        open_turn(Again("a", turn.conversation, turn.question, 0, BOTH))


def test_a_question_of_another_conversation_is_not_answered_here() -> None:
    one, other = ask("one"), ask("other")

    with pytest.raises(BadCommand, match="question was deleted"):
        open_turn(Again("a", one.conversation, other.question, 0, BOTH))


def test_a_conversation_ends_somewhere() -> None:
    full = talk("full", *(["x"] * MAX_MESSAGES))

    with pytest.raises(BadCommand, match="start a new one"):
        ask("one more", full.pk)


def test_what_deleting_removes_is_told_in_messages_and_characters() -> None:
    turn = ask("12345")
    keep_answer(turn, 0, Draft("123", "12"))

    assert weigh(turn.conversation) == (2, 10)
    assert weigh(9**9) == (0, 0)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  Hello\n there ", "Hello there"),
        ("word " * 40, "word " * 14 + "word…"),
        ("x" * 100, "x" * 79 + "…"),
    ],
)
def test_the_title_is_how_the_first_question_begins(text: str, title: str) -> None:
    assert title_of(text) == title


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SILICON", {"About silicon", "Chips"}),
        ("about sil", {"About silicon"}),
        ("ÄPFEL", {"Obst"}),
        ("äpfel", {"Obst"}),
        ("мир", {"Privet"}),
        ("100%", {"Percent"}),
        ("a_b", {"Underscore"}),
        (".*", set()),
        ("'; DROP TABLE", set()),
        ("", {"About silicon", "Chips", "Obst", "Privet", "Percent", "Underscore"}),
    ],
)
def test_titles_and_contents_are_searched_in_any_case(query: str, found: set[str]) -> None:
    talk("About silicon", "nothing")
    talk("Chips", "a word", "are made of Silicon.")
    talk("Obst", "Rote Äpfel")
    talk("Privet", "МИР вам")
    talk("Percent", "it is 100% sure")
    talk("Underscore", "a_b", "aXb")

    assert titles(query) == found


def test_a_found_conversation_shows_where_the_words_stand() -> None:
    talk("Chips", "first", "x" * 50 + " made of Silicon. " + "y" * 200, "silicon again")

    (found,), _ = find_conversations("silicon")

    assert found.snippet is not None
    assert found.snippet.match == "Silicon"
    assert found.snippet.before.startswith("…")
    assert found.snippet.after.endswith("…")
    assert snippet_of("abc", "d") is None


def test_among_ten_thousand_messages_only_a_page_is_read(django_queries: Any) -> None:
    conversations = Conversation.objects.bulk_create(
        [Conversation(title=f"talk {n}") for n in range(500)]
    )
    ConversationMessage.objects.bulk_create(
        ConversationMessage(
            conversation=conversation, role="user", content=f"{'word ' * 20} needle {n}"
        )
        for conversation in conversations
        for n in range(20)
    )
    with django_queries as queries:
        page, has_more = find_conversations("NEEDLE 7")
    later, _ = find_conversations("needle 7", offset=PAGE_SIZE)

    assert len(page) == PAGE_SIZE
    assert has_more
    assert len(queries) <= 3
    assert not {one.id for one in page} & {one.id for one in later}
    assert all(one.snippet and one.snippet.match == "needle 7" for one in page)


@pytest.fixture
def django_queries() -> Any:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return CaptureQueriesContext(connection)
