"""Models, their forms on disk, and the jobs that fetch them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.db.models import Model as Row
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import TabularInline
from unfold.decorators import display

from inference import dispatch, upkeep
from inference.admin import steering
from inference.admin.facts import MadeByTheAppliance, human_bytes
from inference.catalog import jobs
from inference.catalog.job_rows import JobRow
from inference.catalog.names import parse_name
from inference.errors import InferenceError
from inference.models import Model, ModelVariant, PullJob

STATUS_LABELS = {
    "ready": "success",
    "done": "success",
    "installing": "info",
    "queued": "info",
    "downloading": "info",
    "importing": "info",
    "failed": "danger",
    "paused": "warning",
    "cancelled": "warning",
}


class VariantInline(TabularInline):
    """The model's forms on disk."""

    model = ModelVariant
    extra = 0
    can_delete = False
    fields = readonly_fields = ("weight_format", "folder", "size_bytes", "device_classes")

    def has_add_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Never: they come from imports."""
        return False


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks what the database cannot."""

    def clean_parameters(self) -> Any:
        """A JSON object: parameter names and their values."""
        value = self.cleaned_data["parameters"] or {}
        if not isinstance(value, dict):
            raise forms.ValidationError('A JSON object, such as {"temperature": 0.2}.')
        return value


@admin.register(Model)
class ModelAdmin(MadeByTheAppliance):
    """A model that clients can name. Its presets can be edited."""

    form = ModelForm
    editable = (
        "system",
        "template",
        "parameters",
        "messages",
        "keep_alive_seconds",
        "token_limit",
    )
    list_display = (
        "name",
        "state",
        "family",
        "size",
        "quantization",
        "context_length",
        "short_digest",
        "modified_at",
    )
    list_filter = ("status", "family", "quantization")
    search_fields = ("name", "family", "digest", "source")
    inlines = (VariantInline,)
    actions = ("verify", "calibrate", "unload")

    @admin.action(description="Verify the selected models' files", permissions=["change"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Read every byte again; about a second per gigabyte. What is damaged goes out of use."""
        for name in queryset.values_list("name", flat=True):
            try:
                end = async_to_sync(upkeep.verify_at_once)(parse_name(name))
            except InferenceError as error:
                messages.error(request, f"{name}: {error.message}")
                continue
            tell = messages.success if end.is_well else messages.error
            tell(request, f"{name}: {_words_of(end)}")

    @admin.action(description="Calibrate the selected models", permissions=["change"])
    def calibrate(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """On every device, in the background."""
        steering.calibrate(
            request, [(name, "") for name in queryset.values_list("name", flat=True)]
        )

    @admin.action(description="Unload the selected models", permissions=["change"])
    def unload(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """From every device. The next request loads them again."""
        for name in queryset.values_list("name", flat=True):
            steering.unload(request, name, dispatch.unload_all(name))

    def view_on_site(self, model: Model) -> str:
        """Its page in the console."""
        return reverse("console:model", args=[model.name])

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def state(self, model: Model) -> str:
        """The status as a label."""
        return model.status

    @display(description="Size", ordering="size_bytes")
    def size(self, model: Model) -> str:
        """Bytes in words."""
        return human_bytes(model.size_bytes)

    @display(description="Digest", ordering="digest")
    def short_digest(self, model: Model) -> str:
        """Its first twelve digits."""
        return model.digest[:12]


def _words_of(end: upkeep.Verified) -> str:
    """What a verification found, and what helps."""
    count = sum(len(check.files) for check in end.checks)
    if end.is_well:
        return f"all {count} files are as they were installed." if count else "it has no files."
    damaged = [
        f"{file.name} ({file.state})"
        for check in end.checks
        for file in check.files
        if file.is_damaged
    ]
    files = ", ".join(damaged) or "its folder"
    return f"not as it was installed, and out of use: {files}. Pull it again."


@admin.register(ModelVariant)
class ModelVariantAdmin(MadeByTheAppliance):
    """One form of a model on disk."""

    list_display = ("model", "weight_format", "size", "folder", "device_classes", "created_at")
    list_filter = ("weight_format",)
    search_fields = ("model__name", "folder")
    list_select_related = ("model",)

    def view_on_site(self, variant: ModelVariant) -> str:
        """Its model's page in the console."""
        return reverse("console:model", args=[variant.model.name])

    @display(description="Size", ordering="size_bytes")
    def size(self, variant: ModelVariant) -> str:
        """Bytes in words."""
        return human_bytes(variant.size_bytes)


@admin.register(PullJob)
class PullJobAdmin(MadeByTheAppliance):
    """The fetching and importing of one model."""

    list_display = ("model_name", "state", "progress", "step", "source", "error", "created_at")
    list_filter = ("status", "created_at")
    search_fields = ("model_name", "source", "error")
    actions = ("pause", "resume", "cancel")

    @admin.action(description="Pause the selected jobs", permissions=["steer"])
    def pause(self, request: HttpRequest, queryset: QuerySet[PullJob]) -> None:
        """Have them rest until they are resumed."""
        _steer(request, queryset, jobs.pause)

    @admin.action(description="Resume the selected jobs", permissions=["steer"])
    def resume(self, request: HttpRequest, queryset: QuerySet[PullJob]) -> None:
        """Have them go on."""
        _steer(request, queryset, jobs.resume)

    @admin.action(description="Cancel the selected jobs", permissions=["steer"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[PullJob]) -> None:
        """End them and remove what they have downloaded."""
        _steer(request, queryset, jobs.cancel)

    def view_on_site(self, job: PullJob) -> str:
        """The console's page with the jobs."""
        return reverse("console:models")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Who may change such rows may steer their jobs; the rows themselves are facts."""
        return bool(admin.ModelAdmin.has_change_permission(self, request))

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def state(self, job: PullJob) -> str:
        """The status as a label."""
        return job.status

    @display(description="Progress", ordering="fraction")
    def progress(self, job: PullJob) -> str:
        """How much of the job is done."""
        whole = f" of {human_bytes(job.total_bytes)}" if job.total_bytes else ""
        return f"{job.fraction:.0%}{whole}"


def _steer(
    request: HttpRequest, chosen: QuerySet[PullJob], act: Callable[[int], Awaitable[JobRow]]
) -> None:
    """Do that to each job, on the loop that this request came from: the server's, where they run.
    One that cannot says why, and the others are done."""
    for number, name in chosen.values_list("pk", "model_name"):
        try:
            job = async_to_sync(act)(number)
            messages.success(request, f"{name}: {job.status}")
        except InferenceError as error:
            messages.warning(request, error.message)
