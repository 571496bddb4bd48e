"""What must be in place before the server listens: the data folder's lock, the tables, the rows.

Each function blocks, and raises StartRefused with one line for a person.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from filelock import FileLock, Timeout

from inference import configuration, environment, snapshot
from npuconsole.announcement import announced, withdraw
from npuconsole.refusals import StartRefused

log = logging.getLogger(__name__)

SLOW_SECONDS = 1.0
LOG_BYTES = 5_000_000


@contextmanager
def step(words: str) -> Iterator[None]:
    """Name a step of the start-up on the terminal if it takes long, while it does and after."""
    began = time.perf_counter()
    notice = threading.Timer(SLOW_SECONDS, lambda: print(f"npuconsole: {words} ...", flush=True))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
        seconds = time.perf_counter() - began
        if seconds >= SLOW_SECONDS:
            print(f"npuconsole: {words} took {seconds:.1f} s", flush=True)
        log.debug("%s: %.3f s", words, seconds)


def check_packages() -> None:
    """What other packages are known to have broken."""
    try:
        from ninja import NinjaAPI  # noqa: F401
    except ImportError:
        raise StartRefused(
            "Another package called ninja, which nncf needs, has overwritten django-ninja's files. "
            "Mend it with: pip install --force-reinstall --no-deps django-ninja"
        ) from None


def write_log_file(home: Path) -> None:
    """Keep the log in the data folder too, in files of 5 MB."""
    folder = home / "logs"
    try:
        folder.mkdir(exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "npuconsole.log", maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8"
        )
    except OSError as error:
        raise StartRefused(f"The log in {folder} cannot be written: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)


@contextmanager
def only_instance(home: Path) -> Iterator[None]:
    """Hold the data folder's lock. The operating system frees it however this process ends."""
    lock = FileLock(home / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StartRefused(
            f"Another npuconsole{_who(home)} already uses the data folder {home}"
        ) from None
    except OSError as error:
        raise StartRefused(f"The data folder {home} cannot be locked: {error.strerror}") from error
    try:
        yield
    finally:
        withdraw(home)
        lock.release()


def _who(home: Path) -> str:
    url = announced(home)
    return f" ({url})" if url else ""


def prepare_models_folder() -> None:
    """Make the models folder, so that a place that cannot be written is known now."""
    folder = environment.models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise StartRefused(
            f"The models folder {folder} cannot be used: {error.strerror}; "
            "NPU_PROXY_MODEL_PATH can name another"
        ) from error


def prepare_database() -> None:
    """Bring the tables up to date, create the default rows, and put the first picture in force."""
    try:
        with step("preparing the database"):
            _migrate()
        configuration.ensure_default_rows()
        snapshot.replace_with(configuration.load())
    except DatabaseError as error:
        words = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        place = (
            "given by DATABASE_URL"
            if connection.vendor == "postgresql"
            else str(connection.settings_dict["NAME"])
        )
        raise StartRefused(f"The database {place} cannot be used: {words}") from error
    finally:
        connection.close()
    configuration.apply_log_level()


def _migrate() -> None:
    """Apply what is missing. Looking costs some 50 ms, the migrate command 300."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    newer = [
        name
        for app, name in executor.loader.applied_migrations
        if app == "inference" and (app, name) not in graph.nodes
    ]
    if newer:
        raise StartRefused(
            f"The database was made by a newer npuconsole (it has {sorted(newer)[-1]}); "
            "install that version or another data folder (NPUCONSOLE_HOME)"
        )
    if executor.migration_plan(graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
