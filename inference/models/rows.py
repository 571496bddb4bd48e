"""What every row of the configuration has: a change of it renews the picture in memory."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction


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
