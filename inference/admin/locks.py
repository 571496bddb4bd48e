"""Fields that a variable overrides: read-only, with the value in force and the variable's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from inference import environment


class ShowsLocks(ModelAdmin):
    """An admin page whose rows' fields can be locked."""

    def lock_prefix(self, obj: Model) -> str:
        """What stands before a field's name in `environment.locked`."""
        return type(obj).__name__

    def locked_fields(self, obj: Model | None) -> dict[str, str]:
        """The row's locked fields, each with its variable."""
        if obj is None:
            return {}
        prefix = self.lock_prefix(obj) + "."
        names = {field.name for field in self.opts.fields}
        return {
            field.removeprefix(prefix): variable
            for field, variable in environment.locked().items()
            if field.startswith(prefix) and field.removeprefix(prefix) in names
        }

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """The usual fields, locked ones replaced by what is in force."""
        shown = self._shown(obj)
        return [shown.get(name, name) for name in super().get_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """The usual ones and the locked ones."""
        return [*super().get_readonly_fields(request, obj), *self._shown(obj).values()]

    def _shown(self, obj: Model | None) -> dict[str, Callable[[Model], str]]:
        if obj is None:
            return {}
        # One set of functions per row and request: Django compares them by identity.
        cached: dict[str, Callable[[Model], str]] | None = getattr(obj, "_locks_shown", None)
        if cached is None:
            cached = {
                field: _show(self.opts.get_field(field).verbose_name, variable)
                for field, variable in self.locked_fields(obj).items()
            }
            obj._locks_shown = cached  # type: ignore[attr-defined]
        return cached


def _show(label: str, variable: str) -> Callable[[Model], str]:
    value = environment.values()[variable]

    def show(obj: Model) -> str:
        return format_html("{} <small>(set by {})</small>", value, variable)

    show.short_description = f"{capfirst(label)} (locked)"  # type: ignore[attr-defined]
    return show
