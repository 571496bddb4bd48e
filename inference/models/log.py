"""What was asked and how it went."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


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
    devices = models.JSONField(
        default=list,
        blank=True,
        help_text="Where tokens came from, in order; two after a failover.",
    )
    predicted_seconds = models.FloatField(
        null=True, blank=True, help_text="What the passports promised, beside total_seconds."
    )
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
    prompt = models.JSONField(
        null=True,
        blank=True,
        help_text="The request's messages and sampling, kept only while the setting says so.",
    )
    answer = models.TextField(blank=True, help_text="Kept only while the setting says so.")

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(fields=["model_name", "-received_at"], name="record_by_model"),
            models.Index(fields=["outcome", "-received_at"], name="record_by_outcome"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(total_seconds__gte=0) & Q(total_seconds__gte=F("queue_seconds")),
                name="request_record_times_sane",
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id} {self.model_name} on {self.execution_device or 'no device'}"
