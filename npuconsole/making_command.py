"""What the commands `compress` and `convert` have in common.

A server that runs on the same data folder is asked to do it, so that its models are at once the new
ones; without one the command does it itself, and keeps a server from starting meanwhile. Ctrl-C
ends the job, wherever it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from rich.progress import BarColumn, Progress, TaskProgressColumn

from inference import configuration, environment
from inference.catalog import jobs
from inference.catalog.jobs import PullWatch
from inference.errors import InferenceError
from npuconsole import client, preparation
from npuconsole.announcement import announced
from npuconsole.refusals import StartRefused


class MakingCommand(ABC, BaseCommand):
    """Says on standard output what it does, a line for each step, and how good the result is."""

    # Both cost a second; the tests run them instead.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    path: ClassVar[str]
    """Where the server does the same."""

    subject: ClassVar[str]
    """What the first argument is called, and the field of the server's body."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What it is made of, and what of it."""
        parser.add_argument(self.subject)
        parser.add_argument("--to", required=True)
        parser.add_argument("--name", default="", help="the name of what is made")
        parser.add_argument("--force", action="store_true", help="whatever quality it loses")

    @abstractmethod
    async def begin(self, options: dict[str, Any]) -> PullWatch:
        """Start the job in this process."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Blocks for minutes."""
        try:
            self._make(options)
        except (InferenceError, client.ServerProblem) as problem:
            raise CommandError(str(problem)) from problem

    def _make(self, options: dict[str, Any]) -> None:
        home = environment.home()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(preparation.only_instance(home))
            except StartRefused:
                if announced(home) is None:
                    raise
                self._by_the_server(options)
                return
            preparation.prepare_models_folder()
            preparation.prepare_database()
            asyncio.run(self._here(options))

    def _by_the_server(self, options: dict[str, Any]) -> None:
        body = {
            self.subject: options[self.subject],
            "to": options["to"],
            "name": options["name"] or None,
            "force": options["force"],
        }
        with _Said() as say, self._cancelled_by_ctrl_c(say):
            for frame in client.stream(self.path, body):
                of_a_file = "digest" in frame
                say(str(frame.get("status", "")), 0 if of_a_file else frame.get("completed", 0))
        if not say.is_done:
            raise client.ServerProblem("The server stopped before it was done")

    @contextlib.contextmanager
    def _cancelled_by_ctrl_c(self, say: _Said) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            for job in client.fetch("/api/npu/pulls")["pulls"]:
                if job["model"] == say.model and job["finished_at"] is None:
                    client.send(f"/api/npu/pulls/{job['id']}/cancel", {})
            raise

    async def _here(self, options: dict[str, Any]) -> None:
        await configuration.refresh()
        await jobs.start(take_up=False)
        try:
            with _Said() as say:
                async for frame in await self.begin(options):
                    say(frame.status, 0 if frame.digest else frame.completed)
        finally:
            await jobs.close()


class _Said:
    """Prints a step once, however often it is told; below, on a terminal, how far all of it is."""

    def __init__(self) -> None:
        self._last = ""
        self._bar = Progress(BarColumn(), TaskProgressColumn(), transient=True)
        self._task = self._bar.add_task("", total=100)
        self.model = ""

    @property
    def is_done(self) -> bool:
        """Whether the last step was the job's last one."""
        return self._last == "success"

    def __enter__(self) -> _Said:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, words: str, percent: int) -> None:
        if percent:
            self._bar.update(self._task, completed=percent)
        if words == self._last:
            return
        if not self.model:
            self.model = _model_of(words)
        self._last = words
        self._bar.console.print(words, markup=False, highlight=False, soft_wrap=True)


def _model_of(request: str) -> str:
    """The model that a job's first line ("compress A to B [as C]", "convert A to B as C") makes."""
    words = request.split(" ")
    return words[-1] if " as " in request else words[1]
