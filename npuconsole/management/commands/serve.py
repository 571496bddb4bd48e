"""`python manage.py serve`: run the appliance."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prepares what is missing and serves until it is told to stop."""

    help = "Run the appliance: prepare the data folder, then serve until Ctrl-C."
    # Both cost a second at each start; the tests run them instead.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Blocks until the appliance has stopped."""
        from npuconsole.server import serve

        serve()
