"""Models, their forms on disk, and the jobs that fetch them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from inference.catalog.names import parse_name, same_model
from inference.errors import InvalidRequest
from inference.models.rows import ConfigurationRow

HEX_DIGEST = RegexValidator(r"^[0-9a-f]{64}$", "64 hexadecimal digits")


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
    messages = models.JSONField(
        default=list, blank=True, help_text="Turns with which every conversation begins."
    )
    parent = models.CharField(max_length=250, blank=True, help_text="The model it was made from.")
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
    """One form of a model on disk. Copies of a model share its folders."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="variants")
    folder = models.CharField(
        max_length=500, help_text="Folder under the models folder, or absolute."
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
            ),
            models.UniqueConstraint(fields=["model", "folder"], name="variant_one_per_folder"),
        ]

    def __str__(self) -> str:
        return f"{self.model} ({self.weight_format})"


class ModelAlias(ConfigurationRow):
    """Another name for a model: what clients insist on calling theirs (`gpt-4o-mini`). An installed
    model of that name comes before it."""

    name = models.CharField(
        max_length=250,
        unique=True,
        help_text="What clients ask for, such as gpt-4o-mini. Without a tag it means :latest.",
    )
    target = models.CharField(max_length=250, help_text="The model that answers.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "model aliases"
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} is {self.target}"

    def clean(self) -> None:
        """Names in the grammar, and no alias of an alias."""
        for field in ("name", "target"):
            try:
                setattr(self, field, parse_name(getattr(self, field)).display)
            except InvalidRequest:
                raise ValidationError({field: "This is no name for a model."}) from None
        if same_model(self.name, self.target):
            raise ValidationError({"target": "A model needs no alias of its own name."})
        others = ModelAlias.objects.exclude(pk=self.pk)
        if others.filter(name__iexact=self.target).exists():
            raise ValidationError({"target": "This is an alias itself; name the model it means."})
        if others.filter(target__iexact=self.name).exists():
            raise ValidationError({"name": "Another alias leads to this name."})


class PullJob(models.Model):
    """The fetching and importing of one model. Belongs to the server, not to a client."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        DOWNLOADING = "downloading", "Downloading"
        IMPORTING = "importing", "Importing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"

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
                condition=Q(status__in=["queued", "downloading", "importing", "paused"]),
                name="pull_job_one_active_per_model",
            ),
            models.CheckConstraint(
                condition=Q(fraction__gte=0) & Q(fraction__lte=1), name="pull_job_fraction_range"
            ),
        ]

    def __str__(self) -> str:
        return f"pull of {self.model_name} ({self.status})"
