"""`python manage.py export_config`: the whole configuration as TOML, on standard output."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

from django.core.management.base import BaseCommand

from inference.exchange.exporting import export
from npuconsole import preparation


class Command(BaseCommand):
    """Reads the rows; a server may run meanwhile."""

    help = "Print the whole configuration as TOML."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads the database."""
        with contextlib.redirect_stdout(sys.stderr):  # what takes long is said while it does
            preparation.prepare_database()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # whatever a terminal on Windows has
        self.stdout.write(export(), ending="")
