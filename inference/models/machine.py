"""Devices, how the owner wants each used, and the rule that picks one."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from inference.models.catalogue import Model
from inference.models.rows import ConfigurationRow


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

    class Overflow(models.TextChoices):
        NEXT = "next", "Next device"
        WAIT = "wait", "Wait in line"
        REFUSE = "refuse", "Refuse"

    device = models.OneToOneField(Device, on_delete=models.CASCADE, related_name="policy")
    enabled = models.BooleanField(default=True)
    emulate = models.BooleanField(
        default=False,
        help_text="NPU: OpenVINO's NPU pipeline on the CPU. GPU: the CPU in its place. Always "
        "labelled as emulated.",
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
    overflow = models.CharField(
        max_length=8,
        choices=Overflow,
        default=Overflow.NEXT,
        help_text="What a request does when no place is free.",
    )
    memory_budget_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="For all its engines; empty: from the machine."
    )
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

    class Mode(models.TextChoices):
        THRESHOLDS = "thresholds", "By prompt length"
        MEASURED = "measured", "Predicted to finish first"
        FRUGAL = "frugal", "NPU wherever verified"
        KEEP_GPU_FREE = "keep-gpu-free", "GPU last"

    mode = models.CharField(max_length=16, choices=Mode, default=Mode.THRESHOLDS)

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


class PinnedPair(ConfigurationRow):
    """A model that is loaded on a device at start and never evicted."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="pins")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="pins")

    class Meta:
        ordering = ["model", "device"]
        constraints = [models.UniqueConstraint(fields=["model", "device"], name="pinned_pair_once")]

    def __str__(self) -> str:
        return f"{self.model} on {self.device}"
