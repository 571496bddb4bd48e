"""`python manage.py calibrate [model] [--device NAME] [--json]`: measure what devices can do.

A server that runs on the same data folder is asked to do it, because it has the devices; without
one the command does it itself, and keeps a server from starting meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from inference import configuration, devices, environment
from inference.calibration import runs
from inference.errors import InferenceError
from inference.probing import ProbeFailed
from npuconsole import client, preparation
from npuconsole.announcement import announced
from npuconsole.passport_tables import tables
from npuconsole.refusals import StartRefused

Passports = list[dict[str, Any]]


class Command(BaseCommand):
    """Says on standard error what it does, and on standard output what it found."""

    help = "Measure what each device can do with each model, and print the passports."
    # Both cost a second; the tests run them instead.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A model, a device, and the form of the output."""
        parser.add_argument("model", nargs="?", help="a model; without one, all of them")
        parser.add_argument("--device", help="NPU, GPU, GPU.1 or CPU; without it, all in use")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Blocks for minutes. Ctrl-C ends it and leaves no process."""
        model, device = options["model"] or None, options["device"] or None
        try:
            found = self._passports(model, device)
        except (InferenceError, ProbeFailed, client.ServerProblem) as problem:
            raise CommandError(str(problem)) from problem
        if options["json"]:
            self.stdout.write(json.dumps({"passports": found}, indent=2))
            return
        console = Console()
        for table in tables(found):
            console.print(table)

    def _passports(self, model: str | None, device: str | None) -> Passports:
        home = environment.home()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(preparation.only_instance(home))
            except StartRefused:
                if announced(home) is None:
                    raise
                return self._by_the_server(model, device)
            preparation.prepare_models_folder()
            preparation.prepare_database()
            return asyncio.run(self._here(model, device))

    def _by_the_server(self, model: str | None, device: str | None) -> Passports:
        wishes = {"model": model, "device": device}
        body = {name: wish for name, wish in wishes.items() if wish}
        for frame in client.stream("/api/npu/calibrate", body):
            if frame.get("status") == "success":
                return list(frame["passports"])
            self._say(f"{frame['model']} on {frame['device']}: {frame['status']}")
        raise client.ServerProblem("The server stopped before the calibration was done")

    async def _here(self, model: str | None, device: str | None) -> Passports:
        self._say("looking for devices")
        await devices.discover()
        await configuration.refresh()
        found: Passports = []
        async with contextlib.aclosing(runs.run(model, device)) as updates:
            async for update in updates:
                if isinstance(update, runs.Done):
                    found = [report.as_dict() for report in update.passports]
                else:
                    self._say(f"{update.model} on {update.device}: {update.words}")
        return found

    def _say(self, words: str) -> None:
        Console(stderr=True).print(words, markup=False, highlight=False)
