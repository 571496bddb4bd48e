"""Devices and how the owner wants them used."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from inference import changes, dispatch, environment
from inference.admin import steering
from inference.admin.changes import KeepsAccount
from inference.admin.facts import MadeByTheAppliance
from inference.admin.locks import ShowsLocks
from inference.configuration import EMULATED_NAMES
from inference.devices import discover
from inference.forms import DevicePolicyForm
from inference.models import Device, DevicePolicy
from inference.probing import ProbeFailed


def _is_emulated(device: Device) -> bool:
    if device.name not in EMULATED_NAMES:
        return False
    wish = environment.overriding(f"DevicePolicy.{device.name}.emulate", device.policy.emulate)
    return bool(wish)


@admin.register(Device)
class DeviceAdmin(MadeByTheAppliance):
    """What OpenVINO found, or why it did not."""

    list_display = ("name", "state", "what_it_is", "driver", "why_absent", "discovered_at")
    list_filter = ("present",)
    search_fields = ("name", "full_name")
    list_select_related = ("policy",)
    actions_list = ("discover_devices",)
    actions = ("enable", "disable", "calibrate", "unload")

    @display(
        description="State",
        label={
            "present": "success",
            "emulated": "info",
            "disabled": "warning",
            "not found": "danger",
        },
    )
    def state(self, device: Device) -> str:
        """The state in a word."""
        if not device.policy.enabled:
            return "disabled"
        if _is_emulated(device):
            return "emulated"
        return "present" if device.present else "not found"

    @display(description="Full name", ordering="full_name")
    def what_it_is(self, device: Device) -> str | None:
        """The name OpenVINO gives it, or what stands in for it."""
        return EMULATED_NAMES[device.name] if _is_emulated(device) else device.full_name or None

    @display(description="Why not")
    def why_absent(self, device: Device) -> str | None:
        """The reason, where there is one."""
        return None if _is_emulated(device) else device.absent_reason or None

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """For the actions; the facts themselves are read-only."""
        return bool(ModelAdmin.has_change_permission(self, request, obj))

    @action(description="Look for devices now", url_path="discover")
    def discover_devices(self, request: HttpRequest) -> HttpResponse:
        """Ask OpenVINO again; takes about a second."""
        try:
            found = async_to_sync(discover)()
            messages.success(request, f"OpenVINO found {', '.join(found) or 'no device'}.")
        except ProbeFailed as error:
            messages.error(request, f"The devices could not be looked for: {error}")
        return redirect(reverse("admin:inference_device_changelist"))

    @admin.action(description="Enable the selected devices", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        """Let requests go there."""
        _switch(request, queryset, enabled=True)

    @admin.action(description="Disable the selected devices", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        """Send no more requests there."""
        _switch(request, queryset, enabled=False)

    @admin.action(description="Calibrate all models there", permissions=["change"])
    def calibrate(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        """In the background."""
        steering.calibrate(
            request, [("", name) for name in queryset.values_list("name", flat=True)]
        )

    @admin.action(description="Unload what is there", permissions=["change"])
    def unload(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        """The next request loads it again."""
        for name in queryset.values_list("name", flat=True):
            steering.unload(request, name, dispatch.unload_device(name))

    def view_on_site(self, device: Device) -> str:
        """The console's page with the devices."""
        return reverse("console:overview")


def _switch(request: HttpRequest, devices: QuerySet[Device], *, enabled: bool) -> None:
    subjects = [f"DevicePolicy.{name}" for name in devices.values_list("name", flat=True)]
    changes.apply(request.user.get_username(), {name: {"enabled": enabled} for name in subjects})
    messages.success(request, f"{len(subjects)} {'enabled' if enabled else 'disabled'}.")


@admin.register(DevicePolicy)
class DevicePolicyAdmin(KeepsAccount, ShowsLocks):
    """How the owner wants one device used."""

    form = DevicePolicyForm
    list_display = (
        "device",
        "enabled",
        "priority",
        "max_prompt_len",
        "min_response_len",
        "max_engines",
        "max_concurrent_requests",
        "max_queued_requests",
        "overflow",
    )
    list_filter = ("enabled",)
    search_fields = ("device__name",)
    readonly_fields = ("device",)
    fields = ("device", *DevicePolicyForm.Meta.fields)

    def view_on_site(self, policy: DevicePolicy) -> str:
        """The console's page where it is edited."""
        return reverse("console:routing")

    def lock_prefix(self, obj: Model) -> str:
        """Variables are about the policy of one device."""
        assert isinstance(obj, DevicePolicy)
        return f"DevicePolicy.{obj.device.name}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: each device has its policy."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never: a device without a policy cannot be used; disable it instead."""
        return False
