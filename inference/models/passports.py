"""What calibration measured of a model on a device."""

from __future__ import annotations

from django.db import models

from inference.models.catalogue import Model
from inference.models.machine import Device
from inference.models.rows import ConfigurationRow


class Passport(ConfigurationRow):
    """One calibration run of a pair; a new run replaces it. Stale when `versions` differ from the
    machine's. Every `buckets` entry is one prompt length: {"prompt_tokens", "agreed_tokens",
    "compared_tokens", "is_verified", "ttft_seconds", "decode_tokens_per_second"}."""

    class Status(models.TextChoices):
        VERIFIED = "verified", "Verified"
        FAILED = "failed", "Failed"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="passports")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="passports")
    weight_format = models.CharField(max_length=40)
    versions = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=Status)
    reason = models.CharField(max_length=400, blank=True, help_text="Why it failed, in words.")
    verified_prompt_tokens = models.PositiveIntegerField(
        default=0, help_text="Longest prompt, in tokens, whose answer agreed with the CPU's."
    )
    cold_load_seconds = models.FloatField(default=0)
    warm_load_seconds = models.FloatField(default=0)
    memory_bytes = models.PositiveBigIntegerField(default=0)
    buckets = models.JSONField(default=list, blank=True)
    calibrated_at = models.DateTimeField()

    class Meta:
        ordering = ["model", "device"]
        constraints = [
            models.UniqueConstraint(fields=["model", "device"], name="passport_one_per_pair")
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.device}: {self.status}"
