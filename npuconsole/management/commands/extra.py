"""`python manage.py extra NAME`: add the libraries that compressing or converting needs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.catalog import extras


class Command(BaseCommand):
    """Installs them into the data folder, where they change nothing of the server's environment."""

    help = "Install the libraries for compress (nncf) or convert (torch, optimum-intel)."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The extra's name."""
        parser.add_argument("name", choices=sorted(extras.EXTRAS))

    def handle(self, *args: Any, **options: Any) -> None:
        """Blocks for minutes."""
        extra = extras.EXTRAS[options["name"]]
        try:
            extras.install(extra)
        except extras.NotInstalled as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{extra.name} is installed in {extra.folder}")
