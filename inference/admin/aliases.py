"""Other names for models."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from inference.models import ModelAlias


@admin.register(ModelAlias)
class ModelAliasAdmin(ModelAdmin):
    """What clients call a model, and which one answers. In force at once."""

    list_display = ("name", "target", "created_at")
    search_fields = ("name", "target")
    readonly_fields = ("created_at",)
