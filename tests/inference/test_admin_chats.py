"""Conversations in the admin: read, searched and deleted, never written."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference.models import Conversation, ConversationMessage

LIST = "/admin/inference/conversation/"
MESSAGES = "/admin/inference/conversationmessage/"


@pytest.fixture
def talk(rows: None) -> Conversation:
    lanes = [{"model": "tiny:1m", "device": "NPU"}, {"model": "tiny:1m", "device": ""}]
    conversation = Conversation.objects.create(title="About chips", settings={"lanes": lanes})
    conversation.messages.create(role="user", content="What is <b>silicon</b>?")
    conversation.messages.create(role="assistant", content="Sand.", receipt={"device": "NPU"})
    return conversation


@pytest.fixture
def owner(talk: Conversation) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("owner"))
    return client


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def test_a_conversation_is_found_by_what_was_said(owner: Client, talk: Conversation) -> None:
    page = text_of(owner, f"{LIST}?q=SILICON")

    assert "About chips" in page
    assert "tiny:1m on NPU, tiny:1m" in page
    assert "About chips" not in text_of(owner, f"{LIST}?q=nothing")
    assert "&lt;b&gt;silicon&lt;/b&gt;" in text_of(owner, f"{MESSAGES}?q=silicon")


def test_what_was_said_cannot_be_changed(owner: Client, talk: Conversation) -> None:
    message = talk.messages.get(role="assistant")
    text_of(owner, f"{LIST}{talk.pk}/change/")
    text_of(owner, f"{MESSAGES}{message.pk}/change/")

    assert owner.post(f"{MESSAGES}{message.pk}/change/", {"content": "Gold."}).status_code == 403
    assert owner.get(f"{LIST}add/").status_code == 403
    message.refresh_from_db()
    assert message.content == "Sand."


def test_a_conversation_is_deleted_with_its_messages(owner: Client, talk: Conversation) -> None:
    owner.post(f"{LIST}{talk.pk}/delete/", {"post": "yes"})

    assert not Conversation.objects.exists()
    assert not ConversationMessage.objects.exists()
