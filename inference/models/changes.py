"""What was changed in the configuration, by whom, so that it can be looked up and undone."""

from __future__ import annotations

from django.db import models


class ConfigurationChange(models.Model):
    """One change of one row: `before` and `after` hold the fields that differ."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    who = models.CharField(max_length=150, help_text="A user's name, or the caller's address.")
    subject = models.CharField(max_length=80, help_text="Which row, such as RoutingPolicy.")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    undoes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="undone_by"
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.subject} by {self.who}"
