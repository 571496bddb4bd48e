"""What is wrong between the catalogue's rows, the manifests and the disk, each with what to do.

Pure: `CHECKS` are functions from an `Inventory` to findings, and `diagnose` asks them all. Another
room with something to look at has a list of its own. `catalog.mending` does what a finding offers.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from inference.catalog.inventory import Inventory


class Fix(enum.StrEnum):
    """What can be done without asking anybody."""

    ADOPT = "adopt"
    REMOVE_INSTALLED = "remove_installed"
    REMOVE_QUARANTINED = "remove_quarantined"
    REMOVE_WORK = "remove_work"
    QUARANTINE = "quarantine"
    END_JOB = "end_job"
    MARK_FAILED = "mark_failed"
    CORRECT_ROW = "correct_row"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed. `subject` is what it is about: a model, a folder, a job.
    `advice` says what to do where `fix` is None, else what the fix does. What is not wrong is
    only good to know."""

    check: str
    subject: str
    words: str
    advice: str
    fix: Fix | None = None
    is_wrong: bool = True


Check = Callable[[Inventory], Iterable[Finding]]


def diagnose(inventory: Inventory) -> tuple[Finding, ...]:
    """What all checks find, in their order."""
    return tuple(finding for check in CHECKS for finding in check(inventory))


def rows_without_folder(seen: Inventory) -> Iterator[Finding]:
    """A variant whose folder is gone, or is in quarantine."""
    there = {folder.name for folder in seen.folders}
    for variant in seen.rows.variants:
        if variant.folder in there:
            continue
        if variant.folder in seen.quarantined:
            yield Finding(
                "quarantine",
                variant.model,
                f"its {variant.weight_format} form was found damaged and is not used",
                f"npuconsole verify {variant.model} --repull",
            )
            continue
        others = [v.model for v in seen.rows.variants if v.folder == variant.folder]
        shared = f" (it is shared by {', '.join(others)})" if len(others) > 1 else ""
        yield Finding(
            "missing-folder",
            variant.model,
            f"its folder {variant.folder} is not on the disk{shared}",
            "pull the model again, or delete it",
        )


def folders_that_are_not_whole(seen: Inventory) -> Iterator[Finding]:
    """An installed folder whose manifest lists other files or sizes than lie there."""
    owners = _owners(seen)
    for folder in seen.folders:
        if folder.name in owners and not folder.is_whole:
            yield Finding(
                "damaged-folder",
                ", ".join(owners[folder.name]),
                f"the files in {folder.name} are not those that were installed",
                "it is put into quarantine; then: npuconsole verify MODEL --repull",
                Fix.QUARANTINE,
            )


def rows_that_say_otherwise(seen: Inventory) -> Iterator[Finding]:
    """A row whose digest is that of none of the model's folders."""
    folders = {folder.name: folder for folder in seen.folders}
    for model in seen.rows.models:
        own = [v for v in seen.rows.variants if v.model == model.name]
        manifests = [f for v in own if (f := folders.get(v.folder)) is not None and f.digest]
        is_known = any(folder.digest == model.digest for folder in manifests)
        # A form that is missing may be the one that the digest is of.
        if model.status == "ready" and manifests and len(manifests) == len(own) and not is_known:
            yield Finding(
                "other-digest",
                model.name,
                f"its row says {model.digest[:12]}, its files are {manifests[0].digest[:12]}",
                "the row gets the digest of the files",
                Fix.CORRECT_ROW,
            )


def ready_without_variant(seen: Inventory) -> Iterator[Finding]:
    """A model that says it can be served and has no form at all."""
    owners = {variant.model for variant in seen.rows.variants}
    for model in seen.rows.models:
        if model.status == "ready" and model.name not in owners:
            yield Finding(
                "no-variant",
                model.name,
                "it has no files at all",
                "it is marked as failed; pull it again, or delete it",
                Fix.MARK_FAILED,
            )


def orphans(seen: Inventory) -> Iterator[Finding]:
    """An installed folder that no row names."""
    owners = _owners(seen)
    awaited = {job.model.lower() for job in seen.rows.jobs}
    for folder in seen.folders:
        if folder.name in owners or folder.model.lower() in awaited or folder.is_unsettled:
            continue  # a job, or the next start, settles it
        megabytes = f"{folder.size_bytes / 1e6:,.0f} MB"
        if not folder.is_whole:
            yield Finding(
                "orphan",
                folder.name,
                f"no model has this folder, and it is not whole ({megabytes})",
                "it is removed",
                Fix.REMOVE_INSTALLED,
            )
        elif not folder.is_in_its_place:
            yield Finding(
                "orphan",
                folder.name,
                f"no model has this folder, and its name is not its own ({megabytes})",
                "move it to the import folder to install it again, or remove it",
            )
        else:
            yield Finding(
                "orphan",
                folder.name,
                f"no model has this folder, which holds {folder.model} whole ({megabytes})",
                "it is taken up into the catalogue again",
                Fix.ADOPT,
            )


def left_work(seen: Inventory) -> Iterator[Finding]:
    """What dead jobs left. While a server runs its jobs own it, and its next start removes it."""
    if seen.running is not None or any(job for job in seen.rows.jobs):
        return
    for name, size in seen.work.items():
        yield Finding(
            "unfinished-work",
            name,
            f"an unfinished download or import ({size / 1e6:,.0f} MB)",
            "it is removed",
            Fix.REMOVE_WORK,
            is_wrong=False,
        )


def stray_quarantine(seen: Inventory) -> Iterator[Finding]:
    """Damaged variants that are not missed any more."""
    there = {folder.name for folder in seen.folders}
    missed = {v.folder for v in seen.rows.variants if v.folder not in there}
    for name, size in seen.quarantined.items():
        if name not in missed:
            yield Finding(
                "quarantine-rest",
                name,
                f"damaged files that nothing waits for ({size / 1e6:,.0f} MB)",
                "they are removed",
                Fix.REMOVE_QUARANTINED,
                is_wrong=False,
            )


def uploads(seen: Inventory) -> Iterator[Finding]:
    """Uploaded files, which no installed model needs."""
    if seen.blobs:
        size = sum(seen.blobs.values())
        yield Finding(
            "uploads",
            f"{len(seen.blobs)} uploaded files",
            f"{size / 1e6:,.0f} MB; models made from them have files of their own",
            "they go by themselves when nobody has used them for a week",
            is_wrong=False,
        )


def jobs_of_no_server(seen: Inventory) -> Iterator[Finding]:
    """Jobs that say they run while nobody runs them."""
    for job in seen.rows.jobs:
        if job.status == "paused":
            continue
        if seen.running is None:
            yield Finding(
                "interrupted-job",
                job.model,
                "its pull was interrupted",
                "it goes on when the server starts",
                is_wrong=False,
            )
        elif job.model.lower() not in seen.running:
            yield Finding(
                "dead-job",
                job.model,
                f"its pull says {job.status}, but the server has no such job",
                "the job is marked as failed; pull the model again",
                Fix.END_JOB,
            )


def installing_without_job(seen: Inventory) -> Iterator[Finding]:
    """Models that say they are being installed while nobody does."""
    awaited = {job.model.lower() for job in seen.rows.jobs} | (seen.running or frozenset())
    for model in seen.rows.models:
        if model.status == "installing" and model.name.lower() not in awaited:
            yield Finding(
                "dead-installation",
                model.name,
                "it says that it is being installed, but nobody does",
                "it is marked as failed; pull it again, or delete it",
                Fix.MARK_FAILED,
            )


def names_in_two_cases(seen: Inventory) -> Iterator[Finding]:
    """Models whose names mean the same to every client."""
    by_key: dict[str, list[str]] = defaultdict(list)
    for model in seen.rows.models:
        by_key[model.name.lower()].append(model.name)
    for names in by_key.values():
        if len(names) > 1:
            yield Finding(
                "same-name",
                names[0],
                f"clients cannot tell these models apart: {', '.join(names)}",
                f"delete or rename one in the admin; requests get {names[0]}",
            )


CHECKS: tuple[Check, ...] = (
    rows_without_folder,
    folders_that_are_not_whole,
    rows_that_say_otherwise,
    ready_without_variant,
    orphans,
    stray_quarantine,
    left_work,
    uploads,
    jobs_of_no_server,
    installing_without_job,
    names_in_two_cases,
)


def _owners(seen: Inventory) -> dict[str, list[str]]:
    """The models that each folder belongs to."""
    owners: dict[str, list[str]] = defaultdict(list)
    for variant in seen.rows.variants:
        owners[variant.folder].append(variant.model)
    return dict(owners)
