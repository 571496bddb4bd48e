"""What calibration measured, for reading."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model as Row
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from inference.admin.facts import MadeByTheAppliance, human_bytes, human_seconds
from inference.models import Passport


@admin.register(Passport)
class PassportAdmin(MadeByTheAppliance):
    """One model on one device. Deleting it has the pair measured again when the machine is idle."""

    list_display = (
        "model",
        "device",
        "state",
        "verified_prompt_tokens",
        "cold_load",
        "warm_load",
        "memory",
        "reason",
        "calibrated_at",
    )
    list_filter = ("status", "device")
    search_fields = ("model__name", "device__name", "reason")
    list_select_related = ("model", "device")
    readonly_fields = ("by_prompt_length",)
    exclude = ("buckets",)

    def view_on_site(self, passport: Passport) -> str:
        """Its model's page in the console."""
        return reverse("console:model", args=[passport.model.name])

    @display(description="Status", ordering="status", label={"verified": "success"})
    def state(self, passport: Passport) -> str:
        """The status as a label."""
        return passport.status

    @display(description="Cold load", ordering="cold_load_seconds")
    def cold_load(self, passport: Passport) -> str:
        """With nothing compiled yet."""
        return human_seconds(passport.cold_load_seconds)

    @display(description="Warm load", ordering="warm_load_seconds")
    def warm_load(self, passport: Passport) -> str:
        """The second time."""
        return human_seconds(passport.warm_load_seconds)

    @display(description="Memory", ordering="memory_bytes")
    def memory(self, passport: Passport) -> str:
        """Bytes in words."""
        return human_bytes(passport.memory_bytes)

    @display(description="By prompt length")
    def by_prompt_length(self, passport: Passport) -> str:
        """One line for each prompt length."""
        lines = [_words_of(bucket) for bucket in passport.buckets]
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", lines))

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """As anybody's who may delete rows: what is lost can be measured again."""
        return bool(admin.ModelAdmin.has_delete_permission(self, request, obj))


def _words_of(bucket: dict[str, Any]) -> tuple[str]:
    first, speed = bucket["ttft_seconds"], bucket["decode_tokens_per_second"]
    words = f"{bucket['prompt_tokens']:,} tokens: {human_seconds(first)} to the first token, then "
    words += f"{speed:.1f} tokens/s; {bucket['agreed_tokens']} of {bucket['compared_tokens']} "
    return (words + "tokens as the CPU's",)
