"""Every row a person may want to see, in Django's admin as django-unfold dresses it.

Facts are read-only; what an owner decides can be edited; fields overridden by a variable are shown
with its name (`locks`). Django imports this package by itself.
"""

from __future__ import annotations

from inference.admin import aliases, changes, devices, models, passports, requests, rules

__all__ = ["aliases", "changes", "devices", "models", "passports", "requests", "rules"]
