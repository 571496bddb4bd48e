"""What the admin pages of rows with facts have in common."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin


class MadeByTheAppliance(ModelAdmin):
    """Rows that the appliance makes and removes. A person may read them, and edit what is listed in
    `editable`."""

    editable: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: such rows come from the machine."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never: the appliance would make it again, or its files would be left behind."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only where something can be edited."""
        return bool(self.editable) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Everything but `editable`."""
        facts = [
            field.name
            for field in self.opts.fields
            if field.name not in self.editable and not field.primary_key
        ]
        return [*facts, *(name for name in self.readonly_fields if name not in facts)]


def human_bytes(count: int) -> str:
    """A size in words: 98 MB. Number and unit stay on one line."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return (
                f"{size:.0f}\N{NO-BREAK SPACE}{unit}"
                if size >= 10 or unit == "B"
                else f"{size:.1f}\N{NO-BREAK SPACE}{unit}"
            )
        size /= 1000
    return f"{size:.1f}\N{NO-BREAK SPACE}TB"


def human_seconds(seconds: float) -> str:
    """A duration in words: 12 ms, 2.31 s."""
    return (
        f"{seconds * 1000:.0f}\N{NO-BREAK SPACE}ms"
        if seconds < 1
        else f"{seconds:.2f}\N{NO-BREAK SPACE}s"
    )
