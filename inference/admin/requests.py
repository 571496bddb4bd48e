"""The request log."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.decorators import display

from inference.admin.facts import MadeByTheAppliance, human_seconds
from inference.models import RequestRecord


@admin.register(RequestRecord)
class RequestRecordAdmin(MadeByTheAppliance):
    """What one request asked, where it ran, why there, and how it went."""

    list_display = (
        "received_at",
        "endpoint",
        "model_name",
        "device",
        "explanation",
        "outcome_label",
        "tokens",
        "first_token",
        "total",
    )
    list_filter = ("execution_device", "outcome", "family", "model_name", "received_at")
    search_fields = ("request_id", "model_name", "client", "error")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestRecord]:
        """Kept prompts are large, and only the page of one record shows them."""
        records: QuerySet[RequestRecord] = super().get_queryset(request)
        return records.defer("prompt", "answer")

    def view_on_site(self, record: RequestRecord) -> str:
        """Its receipt in the console."""
        return reverse("console:receipt", args=[record.request_id])

    @display(description="Device", ordering="execution_device", label=True)
    def device(self, record: RequestRecord) -> str:
        """Where it ran, and where the rule had sent it when that differs."""
        if record.routed_device and record.routed_device != record.execution_device:
            return f"{record.execution_device or 'none'} (for {record.routed_device})"
        return record.execution_device or "none"

    @display(
        description="Outcome",
        ordering="outcome",
        label={"stop": "success", "length": "success", "cancelled": "warning"},
    )
    def outcome_label(self, record: RequestRecord) -> str:
        """How it ended."""
        return record.outcome

    @display(description="Tokens in, out")
    def tokens(self, record: RequestRecord) -> str:
        """Prompt and answer."""
        return f"{record.prompt_tokens:,}, {record.completion_tokens:,}"

    @display(description="First token", ordering="ttft_seconds")
    def first_token(self, record: RequestRecord) -> str:
        """Time to the first token."""
        return human_seconds(record.ttft_seconds)

    @display(description="Total", ordering="total_seconds")
    def total(self, record: RequestRecord) -> str:
        """Time to the last token."""
        return human_seconds(record.total_seconds)
