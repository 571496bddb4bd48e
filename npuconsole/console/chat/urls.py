"""Where the chat's page and its parts are."""

from __future__ import annotations

from django.urls import path

from npuconsole.console.chat.views import (
    chat,
    conversation_delete,
    conversation_delete_question,
    conversation_list,
)

urlpatterns = [
    path("chat/", chat, name="chat"),
    path("chat/list/", conversation_list, name="conversations"),
    path("chat/<int:pk>/", chat, name="conversation"),
    path("chat/<int:pk>/delete/ask/", conversation_delete_question, name="conversation-question"),
    path("chat/<int:pk>/delete/", conversation_delete, name="conversation-delete"),
]
