"""Who changed what of the configuration: kept by the admin's own forms, shown, and undone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from inference import changes
from inference.admin.facts import MadeByTheAppliance
from inference.models import ConfigurationChange, ConfigurationRow


class KeepsAccount(ModelAdmin):
    """An admin page whose saved rows are kept account of."""

    def save_model(
        self, request: HttpRequest, obj: ConfigurationRow, form: Any, change: bool
    ) -> None:
        """Save, and note what differs."""
        old = type(obj).objects.filter(pk=obj.pk).first() if change else None
        super().save_model(request, obj, form, change)
        if old is not None:
            changes.record(
                request.user.get_username(),
                changes.subject_of(obj),
                changes.values_of(old),
                changes.values_of(obj),
            )


@admin.register(ConfigurationChange)
class ConfigurationChangeAdmin(MadeByTheAppliance):
    """What was changed, here or in the console."""

    list_display = ("at", "who", "subject", "what", "undoes")
    list_filter = ("subject", "who", "at")
    search_fields = ("subject", "who")
    list_select_related = ("undoes",)
    actions = ("undo",)

    def view_on_site(self, change: ConfigurationChange) -> str:
        """The console's page where such things are edited."""
        is_setting = change.subject.startswith("Setting.")
        return reverse("console:settings" if is_setting else "console:routing")

    @display(description="From, to")
    def what(self, change: ConfigurationChange) -> str:
        """Every field that differs."""
        return ", ".join(
            f"{name.replace('_', ' ')}: {change.before.get(name)} \N{RIGHTWARDS ARROW} {value}"
            for name, value in change.after.items()
        )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """For the action; the account itself is read-only."""
        return bool(ModelAdmin.has_change_permission(self, request, obj))

    @admin.action(description="Undo the selected changes", permissions=["change"])
    def undo(self, request: HttpRequest, queryset: QuerySet[ConfigurationChange]) -> None:
        """The latest first."""
        for change in queryset.order_by("-pk"):
            try:
                changes.undo(change, request.user.get_username())
                messages.success(request, f"Undone: {change.subject}, {self.what(change)}.")
            except changes.CannotUndo as refusal:
                messages.error(request, f"{change.subject}, {self.what(change)}: {refusal}")
