"""`python manage.py import_config FILE [--apply]`: what a configuration file would change, and the
change itself.

Rows are written here; a server that runs on the same data folder is told to read them anew.
"""

from __future__ import annotations

import contextlib
import getpass
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.exchange.importing import apply_plan
from inference.exchange.plans import LONGEST_FILE, NotAConfiguration, Plan, decode, read_plan
from npuconsole import client, listening, preparation


class Command(BaseCommand):
    """Shows what would differ; writes it only when it is told to."""

    help = "Show what importing a configuration would change; with --apply change it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A file, and whether to change anything."""
        parser.add_argument(
            "file", help="a file as export_config prints it; - reads standard input"
        )
        parser.add_argument("--apply", action="store_true", help="change it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads and writes the database. Ends with an error if anything in the file cannot be."""
        preparation.prepare_database()
        try:
            plan = read_plan(_text(options["file"]), listening.problem_with)
        except NotAConfiguration as problem:
            raise CommandError(str(problem)) from None
        self._show(plan)
        if plan.errors:
            raise CommandError("Nothing is changed as long as something in the file cannot be.")
        if not plan.count:
            self.stdout.write("Nothing would differ.")
        elif options["apply"]:
            count = apply_plan(_who(), plan)
            self.stdout.write(f"Changed: {count}.")
            with contextlib.suppress(client.NobodyThere):
                client.send("/api/npu/configuration/reload", {})
        else:
            self.stdout.write(f"{plan.count} would change; --apply does it.")

    def _show(self, plan: Plan) -> None:
        for one in plan.differences:
            for name, after in one.after.items():
                before = one.before.get(name)
                self.stdout.write(f"  {one.subject}.{name}: {before!r} -> {after!r}")
        for words in plan.passed_over:
            self.stdout.write(f"  left out: {words}")
        for name, words in plan.errors.items():
            self.stdout.write(f"  cannot be: {name}: {words}")


def _text(file: str) -> str:
    try:
        if file == "-":
            return decode(sys.stdin.buffer.read(4 * LONGEST_FILE))
        path = Path(file)
        if path.stat().st_size > 4 * LONGEST_FILE:
            raise CommandError(f"{file} is larger than any configuration.")
        return decode(path.read_bytes())
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem}") from None


def _who() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError, ImportError):
        return "command line"
