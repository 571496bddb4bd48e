"""The console's conversations: facts that a person may read and delete."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.decorators import display

from inference.admin.facts import MadeByTheAppliance
from inference.models import Conversation, ConversationMessage

SHOWN_CHARACTERS = 120


class DeletableFacts(MadeByTheAppliance):
    """Rows that are only read, and go when a person wants it."""

    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """As the person's rights say."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Conversation)
class ConversationAdmin(DeletableFacts):
    """What was talked about, and with which models."""

    list_display = ("name", "models_asked", "messages", "modified_at")
    list_filter = ("modified_at",)
    search_fields = ("title", "messages__content")

    def view_on_site(self, conversation: Conversation) -> str:
        """The same in the console's chat."""
        return reverse("console:conversation", args=[conversation.pk])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """With the number of messages."""
        found: QuerySet[Conversation] = super().get_queryset(request)
        return found.annotate(message_count=Count("messages"))

    @display(description="Title", ordering="title")
    def name(self, conversation: Conversation) -> str:
        """Its title, or its number."""
        return str(conversation)

    @display(description="Asked")
    def models_asked(self, conversation: Conversation) -> str:
        """The models and devices it was last put to."""
        lanes = conversation.settings.get("lanes", [])
        return ", ".join(
            f"{lane['model']} on {lane['device']}" if lane.get("device") else str(lane["model"])
            for lane in lanes
        )

    @display(description="Messages", ordering="message_count")
    def messages(self, conversation: Conversation) -> int:
        """How many there are."""
        return int(getattr(conversation, "message_count", 0))


@admin.register(ConversationMessage)
class ConversationMessageAdmin(DeletableFacts):
    """One question, or one answer with its receipt."""

    list_display = ("created_at", "conversation", "role", "beginning", "device")
    list_filter = ("role", "created_at")
    list_select_related = ("conversation",)
    search_fields = ("content",)

    def view_on_site(self, message: ConversationMessage) -> str:
        """Its conversation in the console's chat."""
        return reverse("console:conversation", args=[message.conversation_id])

    @display(description="Begins")
    def beginning(self, message: ConversationMessage) -> str:
        """How it begins."""
        text = message.content
        return f"{text[:SHOWN_CHARACTERS]}…" if len(text) > SHOWN_CHARACTERS else text

    @display(description="Device", label=True)
    def device(self, message: ConversationMessage) -> str:
        """Where an answer ran."""
        return str(message.receipt.get("device", ""))
