"""One pull from its beginning to its end, as it runs in a job's thread."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from inference.catalog import install, job_rows, rows, unsettled
from inference.catalog.errors import (
    PullCancelled,
    PullFailed,
    PullPaused,
    Refused,
    Stopped,
    UnknownModel,
    UnknownRepository,
    did_you_mean,
)
from inference.catalog.fit.lookup import check_plan
from inference.catalog.folders import ModelsFolder
from inference.catalog.known.catalogue import catalogue
from inference.catalog.manifest import Installed
from inference.catalog.names import ModelName
from inference.catalog.notes import Notes
from inference.catalog.progress import Progress, PullFrame
from inference.catalog.recipes import Plan, plan_for_known, plan_for_name
from inference.catalog.sources.local import LocalSource
from inference.catalog.stopping import Stop, Why

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""Pulls that run at the same time; more of them wait, with their rows. Imports take a core each."""

_WAIT_SECONDS = 0.1
_places = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Pull:
    """What is to be pulled: a name, and the plan where the request named a place on disk."""

    name: ModelName
    plan: Plan | None = None


def run_pull(pull: Pull, models: ModelsFolder, progress: Progress, stop: Stop) -> None:
    """Do it and tell `progress` how it ended; raises nothing.

    A pull that the server's end stops keeps its row as it is: the next start takes it up again. One
    that is paused or cancelled has a row that says so before `progress` does.
    """
    try:
        _pull(pull, models, progress, stop)
    except Stopped:
        if stop.why is Why.PAUSED:
            progress.fail(PullPaused(), "paused", "paused")
            return
        if stop.why is Why.CANCELLED:
            progress.fail(PullCancelled(), "cancelled", "cancelled")
            return
        interrupted = "the server is stopping; the pull goes on when it runs again"
        progress.fail(PullFailed(interrupted), "interrupted")
    except PullFailed as failure:
        progress.fail(failure, "failed")
    except Exception:  # watchers wait for an end: any fault must become one
        logger.exception("pull of %s", pull.name)
        progress.fail(PullFailed("the pull failed for a reason that is in the log"), "failed")
    else:
        progress.succeed()


def _pull(pull: Pull, models: ModelsFolder, progress: Progress, stop: Stop) -> None:
    progress.milestone(PullFrame("pulling manifest"), step="looking it up")
    present = rows.find_ready(pull.name, models.root)
    if present and _is_current(pull, present, stop):
        install.show_as_present(present, progress)
        progress.milestone(PullFrame("success"))
        return
    plan = pull.plan or plan_for_name(pull.name, models.drop)
    job_id = job_rows.open_job(plan)
    progress.on_status = Notes(job_id).note
    logger.info("pull of %s begins", plan.name)
    is_running = False
    try:
        while not (is_running := _places.acquire(timeout=_WAIT_SECONDS)):
            stop.check()
        forms = []
        for number, part in enumerate(plan.parts):
            progress.part(number, len(plan.parts))
            wanted = plan.only(part)
            if warning := check_plan(wanted, models, stop):
                logger.warning("pull of %s: %s", plan.name, warning)
            made = install.install(wanted, models, progress, stop)
            forms.append(rows.Form(made, part.device_classes))
        replaced = job_rows.publish(job_id, plan, forms, models.root)
        unsettled.forget([form.installed.folder for form in forms], models)
    except Stopped:
        _note_stop(stop, job_id, plan.name, models, progress)
        raise
    except Exception as error:
        failure = _as_pull_failed(error)
        if isinstance(failure, UnknownRepository):
            # Anybody can make up such names: they leave no rows.
            job_rows.forget_job(job_id, plan)
            raise _with_suggestions(failure, plan) from error
        # A model that cannot be had here is not one that awaits another try: only the job says why.
        is_refused = isinstance(failure, Refused)
        job_rows.fail_job(job_id, plan.name, failure.message, is_forgotten=is_refused)
        logger.warning("pull of %s failed: %s", plan.name, failure.message)
        raise failure from error
    finally:
        if is_running:
            _places.release()
    models.discard_downloads(plan.name)
    for folder in replaced:
        unsettled.remove(folder, models)
    elapsed = time.monotonic() - progress.status.started_at
    logger.info("pull of %s: done after %.1f s", plan.name, elapsed)
    progress.milestone(PullFrame("success"))


def _note_stop(
    stop: Stop, job_id: int, name: ModelName, models: ModelsFolder, progress: Progress
) -> None:
    if stop.why is Why.PAUSED:
        job_rows.save_progress(job_id, progress.status)  # the last note may be a second old
        job_rows.pause_job(job_id)
    elif stop.why is Why.CANCELLED:
        models.discard_downloads(name)
        job_rows.cancel_job(job_id, name)


def _is_current(pull: Pull, present: Installed, stop: Stop) -> bool:
    """Whether what is installed is what was asked for; a place on disk may have new contents, and a
    device may have come that needs a form of its own."""
    if pull.plan is None:
        known = catalogue().find(pull.name)
        if known is None or known.refused:
            return True
        wanted = plan_for_known(pull.name, known)
        return rows.has_forms(pull.name, [part.device_classes for part in wanted.parts])
    return any(
        isinstance(source, LocalSource) and source.list_files(stop) == present.source_files
        for source in pull.plan.sources
    )


def _with_suggestions(failure: UnknownModel, plan: Plan) -> UnknownModel:
    near = catalogue().closest(plan.name)
    words = ", ".join(text for text in (failure.message, did_you_mean(near)) if text)
    return UnknownRepository(words, suggestions=near)


def _as_pull_failed(error: Exception) -> PullFailed:
    if isinstance(error, PullFailed):
        return error
    if isinstance(error, OSError):
        return PullFailed(
            f"the disk of the models folder: {error.strerror or 'input/output error'}"
        )
    logger.error("pull", exc_info=error)
    return PullFailed("the pull failed for a reason that is in the log")
