"""The rows: what the owner installed, allowed and measured. The database is the configuration.

Code on the request path never reads these; it reads the in-memory picture (`inference.snapshot`)
that `inference.configuration` builds from them. Every row that is part of that picture derives from
`ConfigurationRow`, so that any change of it replaces the picture.
"""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F, Q

HEX_DIGEST = RegexValidator(r"^[0-9a-f]{64}$", "64 hexadecimal digits")


def _announce_change() -> None:
    from inference import configuration  # it imports this module

    transaction.on_commit(configuration.mark_changed)


class ConfigurationQuerySet(models.QuerySet[Any]):
    """Bulk changes announce themselves like single ones do."""

    def update(self, **kwargs: Any) -> int:
        changed = super().update(**kwargs)
        _announce_change()
        return changed

    def delete(self) -> tuple[int, dict[str, int]]:
        deleted = super().delete()
        _announce_change()
        return deleted

    def bulk_create(self, *args: Any, **kwargs: Any) -> list[Any]:
        created = super().bulk_create(*args, **kwargs)
        _announce_change()
        return created


class ConfigurationRow(models.Model):
    """A row the in-memory picture is built from."""

    objects = ConfigurationQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        _announce_change()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        deleted = super().delete(*args, **kwargs)
        _announce_change()
        return deleted


class Model(ConfigurationRow):
    """A model that clients can name."""

    class Status(models.TextChoices):
        INSTALLING = "installing", "Installing"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    name = models.CharField(
        max_length=250,
        unique=True,
        help_text="Display name in Ollama's grammar, always with a tag.",
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.INSTALLING)
    family = models.CharField(max_length=60, help_text="Architecture, for example llama.")
    digest = models.CharField(max_length=64, blank=True, validators=[HEX_DIGEST])
    size_bytes = models.PositiveBigIntegerField(default=0)
    parameter_count = models.PositiveBigIntegerField(default=0)
    quantization = models.CharField(max_length=40, blank=True)
    context_length = models.PositiveIntegerField(
        default=0, help_text="Tokens the model was trained for."
    )
    capabilities = models.JSONField(default=list, blank=True)
    license = models.TextField(blank=True)
    source = models.CharField(max_length=400, blank=True, help_text="Where it came from.")
    facts = models.JSONField(default=dict, blank=True, help_text="What the importer read.")
    system = models.TextField(blank=True, help_text="Preset system prompt.")
    template = models.TextField(blank=True, help_text="Chat template instead of the model's own.")
    parameters = models.JSONField(default=dict, blank=True, help_text="Preset sampling parameters.")
    keep_alive_seconds = models.FloatField(
        null=True, blank=True, help_text="Empty: the server's default. Negative: for ever."
    )
    token_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Longest prompt for the preferred device; empty: the routing policy's.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    modified_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(token_limit__isnull=True) | Q(token_limit__gte=1),
                name="model_token_limit_positive",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | ~Q(digest=""), name="model_ready_has_digest"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ModelVariant(ConfigurationRow):
    """One form of a model on disk."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="variants")
    folder = models.CharField(
        max_length=500, unique=True, help_text="Folder under the models folder, or absolute."
    )
    weight_format = models.CharField(max_length=40)
    size_bytes = models.PositiveBigIntegerField(default=0)
    device_classes = models.JSONField(
        default=list, blank=True, help_text="Device classes that may load it; empty: all."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["model", "weight_format"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "weight_format"], name="variant_one_per_weight_format"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} ({self.weight_format})"


class Device(ConfigurationRow):
    """What OpenVINO found on this machine, or looked for and did not find."""

    name = models.CharField(
        max_length=20,
        unique=True,
        validators=[RegexValidator(r"^(NPU|GPU|CPU)(\.\d+)?$", "NPU, GPU, GPU.0, CPU")],
    )
    present = models.BooleanField(default=False)
    emulated = models.BooleanField(
        default=False, help_text="OpenVINO's NPU pipeline compiled for the CPU."
    )
    full_name = models.CharField(max_length=200, blank=True)
    driver = models.CharField(max_length=100, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    absent_reason = models.CharField(max_length=400, blank=True)
    discovered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DevicePolicy(ConfigurationRow):
    """How the owner wants one device used."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, related_name="policy")
    enabled = models.BooleanField(default=True)
    emulate = models.BooleanField(
        default=False, help_text="NPU only: run OpenVINO's NPU pipeline on the CPU."
    )
    priority = models.PositiveSmallIntegerField(default=10, help_text="Lower is tried first.")
    max_prompt_len = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(16)],
        help_text="Longest prompt in tokens; empty: the model's context length.",
    )
    min_response_len = models.PositiveIntegerField(
        default=512, validators=[MinValueValidator(1)], help_text="Tokens kept for the answer."
    )
    max_engines = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(1)])
    max_concurrent_requests = models.PositiveSmallIntegerField(
        default=32, validators=[MinValueValidator(1), MaxValueValidator(1024)]
    )
    max_queued_requests = models.PositiveIntegerField(default=512)
    engine_properties = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "device policies"
        ordering = ["priority"]
        constraints = [
            models.CheckConstraint(
                condition=Q(max_engines__gte=1), name="device_policy_max_engines_positive"
            ),
            models.CheckConstraint(
                condition=Q(max_concurrent_requests__gte=1),
                name="device_policy_concurrency_positive",
            ),
            models.CheckConstraint(
                condition=Q(max_prompt_len__isnull=True) | Q(max_prompt_len__gte=16),
                name="device_policy_max_prompt_len_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"policy of {self.device}"


class RoutingPolicy(ConfigurationRow):
    """The rule that sends a prompt to a device. There is one row."""

    preferred_device = models.CharField(max_length=20, default="NPU")
    fallback_device = models.CharField(
        max_length=20, default="auto", help_text="auto: GPU, then CPU."
    )
    token_limit = models.PositiveIntegerField(
        default=1800,
        validators=[MinValueValidator(1)],
        help_text="Longest prompt, in tokens, for the preferred device.",
    )
    modified_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "routing policy"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="routing_policy_is_single"),
            models.CheckConstraint(
                condition=Q(token_limit__gte=1), name="routing_token_limit_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.preferred_device} up to {self.token_limit} tokens"


class Setting(ConfigurationRow):
    """One owner's setting that is not a device's or a route's. Keys are a closed set, see
    `inference.configuration.SETTINGS`."""

    key = models.CharField(max_length=60, unique=True)
    value = models.JSONField()
    modified_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class PullJob(models.Model):
    """The fetching and importing of one model. Belongs to the server, not to a client."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        DOWNLOADING = "downloading", "Downloading"
        IMPORTING = "importing", "Importing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    model_name = models.CharField(max_length=250)
    source = models.CharField(max_length=400, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    step = models.CharField(max_length=200, blank=True, help_text="What it is doing, in words.")
    digest = models.CharField(max_length=64, blank=True)
    total_bytes = models.PositiveBigIntegerField(default=0)
    completed_bytes = models.PositiveBigIntegerField(default=0)
    fraction = models.FloatField(default=0.0, help_text="Of the whole job, 0 to 1.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    modified_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_name"],
                condition=Q(status__in=["queued", "downloading", "importing"]),
                name="pull_job_one_active_per_model",
            ),
            models.CheckConstraint(
                condition=Q(fraction__gte=0) & Q(fraction__lte=1), name="pull_job_fraction_range"
            ),
        ]

    def __str__(self) -> str:
        return f"pull of {self.model_name} ({self.status})"


class RequestRecord(models.Model):
    """What one inference request asked, where it ran and how it went. Written in batches."""

    request_id = models.CharField(max_length=40, unique=True)
    received_at = models.DateTimeField(db_index=True)
    family = models.CharField(max_length=20)
    endpoint = models.CharField(max_length=80)
    client = models.CharField(max_length=100, blank=True)
    model_name = models.CharField(max_length=250)
    routed_device = models.CharField(max_length=20, blank=True)
    execution_device = models.CharField(max_length=20, blank=True, db_index=True)
    reason = models.CharField(max_length=60, blank=True)
    fallback_reason = models.CharField(max_length=60, blank=True)
    explanation = models.CharField(max_length=300, blank=True)
    chain = models.JSONField(default=list, blank=True)
    outcome = models.CharField(
        max_length=40, help_text="stop, length, cancelled, or an error code."
    )
    error = models.CharField(max_length=500, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    queue_seconds = models.FloatField(default=0)
    load_seconds = models.FloatField(default=0)
    prefill_seconds = models.FloatField(default=0)
    decode_seconds = models.FloatField(default=0)
    ttft_seconds = models.FloatField(default=0)
    total_seconds = models.FloatField(default=0)
    ignored = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(total_seconds__gte=0) & Q(total_seconds__gte=F("queue_seconds")),
                name="request_record_times_sane",
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id} {self.model_name} on {self.execution_device or 'no device'}"
