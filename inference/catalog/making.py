"""Models made from other models: one job from its beginning to its end, as it runs in a thread.

The work itself is a child's (`make_with`); what it leaves in the job's folder is hashed, published
by one rename like everything that is pulled, and only then gets its rows. A job that is stopped, or
whose server ends, leaves nothing, and is not taken up again by itself: what took the machine's
memory once would do so at every start.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError

from inference.catalog import install, job_rows, making_rows, unsettled
from inference.catalog.errors import PullCancelled, PullFailed, Stopped
from inference.catalog.folders import ModelsFolder
from inference.catalog.importers import run_importer
from inference.catalog.manifest import Installed, write_manifest
from inference.catalog.memory_guard import spendable_bytes
from inference.catalog.names import ModelName
from inference.catalog.notes import Notes
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.recipes import Plan
from inference.catalog.sources import SourceFile
from inference.catalog.stopping import Stop, Why
from inference.errors import InferenceError

logger = logging.getLogger(__name__)

_MADE = 0.96  # the share of the whole job that is the children's; then come hashes and the rename

_WAIT_SECONDS = 0.1
_turn = threading.BoundedSemaphore(1)
"""One at a time: each takes several times its model's size of memory and all processors."""

# Their libraries send statistics or fetch by themselves; nothing of that is wanted here.
_ENVIRONMENT = {
    "NNCF_CI": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A finished folder that a job made, and where its contents came from; of a hub's repository
    also the files that were taken."""

    folder: Path
    source: str
    source_files: tuple[SourceFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Making:
    """What is to be made. `request` is the job in words, as its row keeps it; `make` fills the work
    folder it is given; `write_rows` notes what was published and returns the folders that no row
    names any more."""

    name: ModelName
    request: str
    make: Callable[[Path, Progress, Stop], Made]
    write_rows: Callable[[int, Installed, Path], list[Path]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a child may take. What it may hold is decided when it starts."""

    seconds: float
    seconds_per_gigabyte: float

    def timeout_seconds(self, size_bytes: int) -> float:
        """For a source of that size."""
        return self.seconds + self.seconds_per_gigabyte * size_bytes / 1e9


class MakingCancelled(PullCancelled):
    """Somebody ended the job; nothing is left of it."""

    def __init__(self) -> None:
        PullFailed.__init__(self, "it was cancelled; nothing is left of it", retry=False)


def run_making(making: Making, models: ModelsFolder, progress: Progress, stop: Stop) -> None:
    """Do it, when its turn comes, and tell `progress` how it ended; raises nothing."""
    job_id, is_running = None, False
    try:
        progress.milestone(PullFrame(making.request), step="waiting for its turn")
        job_id = making_rows.open_job(making.name, making.request)
        progress.on_status = Notes(job_id).note
        while not (is_running := _turn.acquire(timeout=_WAIT_SECONDS)):
            stop.check()
        progress.tell(status="importing", step="beginning")
        _make(making, job_id, models, progress, stop)
    except Stopped:
        if stop.why is Why.CANCELLED:
            _note(job_rows.cancel_job, job_id, making.name)
            progress.fail(MakingCancelled(), "cancelled", "cancelled")
        else:
            ending = PullFailed("the server is stopping; nothing is left of it")
            _fail(job_id, making.name, ending, progress)
    except PullFailed as failure:
        _fail(job_id, making.name, failure, progress)
    except InferenceError as refusal:  # such as an extra that went while the job waited
        _fail(job_id, making.name, PullFailed(refusal.message, retry=False), progress)
    except OSError as error:
        reason = error.strerror or "input/output error"
        broken = PullFailed(f"the disk of the models folder: {reason}")
        _fail(job_id, making.name, broken, progress)
    except Exception:  # watchers wait for an end: any fault must become one
        logger.exception("%s", making.request)
        fault = PullFailed("it failed for a reason that is in the log")
        _fail(job_id, making.name, fault, progress)
    else:
        progress.milestone(PullFrame("success"))
        progress.succeed()
    finally:
        if is_running:
            _turn.release()


def make_with(
    module: str,
    arguments: Sequence[str],
    *,
    size_bytes: int,
    limits: Limits,
    shares: tuple[float, float],
    python_path: Sequence[Path],
    progress: Progress,
    stop: Stop,
) -> None:
    """Run the child `module`, which speaks like an importer (`import_child`), with a limit of time
    and of memory. `shares` are where its work begins and ends in all of the job's, `python_path`
    where its libraries are (`extras`). Raises PullFailed with the child's own reason, Stopped."""
    first, last = shares

    def on_note(words: str) -> None:
        progress.milestone(PullFrame(words))
        logger.info("%s: %s", progress.status.model_name, words)

    def on_step(step: str, share: float) -> None:
        fraction = (first + share * (last - first)) * _MADE
        change = progress.advance if progress.status.step == step else progress.milestone
        frame = PullFrame(step, total=100, completed=int(fraction * 100))
        change(frame, step=step, fraction=fraction)

    run_importer(
        module,
        [*arguments, "--memory", str(spendable_bytes())],
        about=f"the process that makes {progress.status.model_name}",
        stop=stop,
        timeout_seconds=limits.timeout_seconds(size_bytes),
        on_step=on_step,
        on_note=on_note,
        environment=_ENVIRONMENT,
        python_path=python_path,
    )


def check_disk(folder: Path, wanted_bytes: int) -> None:
    """Raise PullFailed if the disk does not have that much free."""
    free = shutil.disk_usage(folder).free
    if free < wanted_bytes:
        raise PullFailed(
            f"the disk of the models folder has {free / 1e6:,.0f} MB free; "
            f"this needs {wanted_bytes / 1e6:,.0f} MB"
        )


def _make(
    making: Making, job_id: int, models: ModelsFolder, progress: Progress, stop: Stop
) -> None:
    work = models.new_work_folder()
    try:
        made = making.make(work, progress, stop)
        stop.check()
        progress.tell(step="checking the files", fraction=_MADE)
        whole = write_manifest(made.folder, making.name, made.source, made.source_files, stop)
        progress.milestone(PullFrame("writing manifest"), step="publishing", fraction=0.99)
        plan = Plan(making.name, making.request, ())
        target = models.variant_folder(making.name, whole.weight_format, whole.digest)
        was_there = target.exists()
        installed = install.publish(whole, models, plan, stop)
        try:
            replaced = making.write_rows(job_id, installed, models.root)
        except Exception:  # whatever it was: without its rows nobody would find the folder
            if not was_there:
                unsettled.remove(installed.folder, models)
            raise
        unsettled.forget([installed.folder], models)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for folder in replaced:
        unsettled.remove(folder, models)


def _fail(job_id: int | None, name: ModelName, failure: InferenceError, progress: Progress) -> None:
    logger.warning("%s: %s", name, failure.message)
    _note(job_rows.fail_job, job_id, name, failure.message)
    progress.fail(failure, "failed")


def _note(write: Callable[..., None], job_id: int | None, *facts: object) -> None:
    if job_id is None:
        return
    try:
        write(job_id, *facts)
    except DatabaseError:  # the watchers' end must not depend on the database
        logger.exception("the end of a job was not noted")
