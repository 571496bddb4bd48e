"""The engine app's entry in INSTALLED_APPS."""

from __future__ import annotations

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Nothing starts from here: `inference.appliance` starts what the server needs."""

    name = "inference"
    verbose_name = "Appliance"
    default_auto_field = "django.db.models.BigAutoField"
