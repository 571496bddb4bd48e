"""Conversations of the console's chat, kept until somebody deletes them."""

from __future__ import annotations

from django.db import models


class Conversation(models.Model):
    """One conversation. `settings` are the choices it was last used with: model, device, system
    prompt, parameters."""

    title = models.CharField(max_length=200, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    modified_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ["-modified_at"]

    def __str__(self) -> str:
        return self.title or f"conversation {self.pk}"


class ConversationMessage(models.Model):
    """One message. An answer has a receipt: model, device, why, tokens, seconds. Of several answers
    to one question (compared, or regenerated) all are kept; `lane` says which column it is in."""

    class Role(models.TextChoices):
        USER = "user", "User"
        ASSISTANT = "assistant", "Assistant"

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    role = models.CharField(max_length=10, choices=Role)
    content = models.TextField(blank=True)
    thinking = models.TextField(blank=True)
    tool_calls = models.JSONField(default=list, blank=True)
    receipt = models.JSONField(default=dict, blank=True)
    lane = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.role} in {self.conversation}"
