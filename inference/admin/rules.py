"""The routing rule and the settings."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from inference import environment
from inference.admin.changes import KeepsAccount
from inference.admin.locks import ShowsLocks
from inference.configuration import SETTINGS, SettingSpec
from inference.forms import RoutingPolicyForm, SettingForm
from inference.models import PinnedPair, RoutingPolicy, Setting


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(KeepsAccount, ShowsLocks):
    """The one rule that sends a prompt to a device."""

    form = RoutingPolicyForm
    list_display = (
        "__str__",
        "mode",
        "preferred_device",
        "fallback_device",
        "token_limit",
        "modified_at",
    )
    readonly_fields = ("modified_at",)
    fields = ("mode", "preferred_device", "fallback_device", "token_limit", "modified_at")

    def view_on_site(self, rule: RoutingPolicy) -> str:
        """The console's page where it is edited."""
        return reverse("console:routing")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: there is one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never: there must be one."""
        return False


@admin.register(PinnedPair)
class PinnedPairAdmin(ModelAdmin):
    """Models that are loaded at start and never evicted, each on a device."""

    list_display = ("model", "device")
    list_filter = ("device",)
    search_fields = ("model__name",)

    def view_on_site(self, pair: PinnedPair) -> str:
        """The model's page in the console."""
        return reverse("console:model", args=[pair.model.name])


@admin.register(Setting)
class SettingAdmin(KeepsAccount):
    """One setting a row, of a closed set."""

    form = SettingForm
    list_display = ("key", "in_force", "meaning", "locked_by", "modified_at")
    search_fields = ("key",)
    readonly_fields = ("key", "in_force", "meaning", "allowed", "locked_by", "modified_at")
    fields = ("key", "meaning", "allowed", "value", "in_force", "locked_by", "modified_at")

    def view_on_site(self, setting: Setting) -> str:
        """The console's page where it is edited."""
        return reverse("console:settings")

    @display(description="In force")
    def in_force(self, setting: Setting) -> str:
        """The value that counts now."""
        return str(environment.overriding(f"Setting.{setting.key}", setting.value))

    @display(description="Meaning")
    def meaning(self, setting: Setting) -> str:
        """What it does, and from when."""
        spec = _spec(setting)
        if spec is None:
            return "No longer used."
        return f"{spec.help} At the next start." if spec.at_next_start else spec.help

    @display(description="Allowed")
    def allowed(self, setting: Setting) -> str:
        """What can be set."""
        spec = _spec(setting)
        return spec.allowed if spec else ""

    @display(description="Locked by")
    def locked_by(self, setting: Setting) -> str:
        """The variable that overrides it, if one is set."""
        return environment.locked().get(f"Setting.{setting.key}", "")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A locked or forgotten setting cannot be edited."""
        assert obj is None or isinstance(obj, Setting)
        closed = obj is not None and (bool(self.locked_by(obj)) or _spec(obj) is None)
        return [*self.readonly_fields, *(["value"] if closed else [])]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the set is closed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never: the set is closed."""
        return False


def _spec(setting: Setting) -> SettingSpec | None:
    return SETTINGS.get(setting.key)
