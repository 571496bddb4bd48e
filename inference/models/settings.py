"""The owner's settings that are not a device's or a route's."""

from __future__ import annotations

from django.db import models

from inference.models.rows import ConfigurationRow


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
