"""Does what a finding of the doctor offers, and says what was done.

Synchronous and blocking; whoever calls it in a running server renews the picture afterwards.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from django.utils import timezone

from inference.catalog.doctor import Finding, Fix
from inference.catalog.folders import ModelsFolder
from inference.catalog.job_rows import UNFINISHED
from inference.catalog.manifest import Installed, is_intact, read_manifest
from inference.catalog.rows import describe
from inference.catalog.stopping import Stop
from inference.catalog.transactions import short_transaction
from inference.catalog.verification import has_all_files, load_manifest, quarantine
from inference.models import Model, ModelVariant, PullJob

log = logging.getLogger(__name__)


def mend(finding: Finding, models: ModelsFolder) -> str:
    """Do it; returns what was done, "" if nothing could be. A second time does no harm."""
    if finding.fix is None:
        return ""
    try:
        done = _FIXES[finding.fix](finding.subject, models)
    except OSError as error:
        log.warning("%s: %s: %s", finding.check, finding.subject, error)
        return ""
    if done:
        log.info("doctor: %s: %s", finding.subject, done)
    return done


@short_transaction
def adopt(installed: Installed, models: ModelsFolder) -> None:
    """The variant belongs to the model of its own name again, which is made if there is none."""
    model = Model.objects.filter(name__iexact=installed.name).first()
    if model is None or model.status != Model.Status.READY:
        model = model or Model(name=installed.name)
        describe(model, installed)
        model.capabilities = model.capabilities or ["completion"]
        model.save()
    ModelVariant.objects.get_or_create(
        model=model,
        weight_format=installed.weight_format,
        defaults={
            "folder": installed.folder.relative_to(models.root).as_posix(),
            "size_bytes": installed.size_bytes,
        },
    )


def _adopt(name: str, models: ModelsFolder) -> str:
    installed = read_manifest(models.installed / name)
    if installed is None or not is_intact(installed, Stop()):
        return f"{name} is damaged, and was {_quarantine_folder(name, models)}"
    if _has_this_form(installed):
        return _remove_installed(name, models)
    adopt(installed, models)
    return f"{installed.name} is in the catalogue again"


@short_transaction
def _has_this_form(installed: Installed) -> bool:
    return bool(
        ModelVariant.objects.filter(
            model__name__iexact=installed.name, weight_format=installed.weight_format
        ).exists()
    )


def _remove_installed(name: str, models: ModelsFolder) -> str:
    shutil.rmtree(models.installed / name)
    return f"{name} was removed"


def _remove_quarantined(name: str, models: ModelsFolder) -> str:
    shutil.rmtree(models.quarantine / name)
    return f"{name} was removed"


def _remove_work(name: str, models: ModelsFolder) -> str:
    shutil.rmtree(models.work / name)
    return f"{name} was removed"


def _quarantine_folder(name: str, models: ModelsFolder) -> str:
    quarantine(models.installed / name, models)
    return "put into quarantine"


def _quarantine(subject: str, models: ModelsFolder) -> str:
    # The subject names the models; the folder is looked for anew, as it is now.
    done = [
        folder.name
        for folder in _folders_of(subject.split(", ")[0], models)
        if folder.is_dir() and not has_all_files(folder)
    ]
    for name in done:
        _quarantine_folder(name, models)
    return f"{', '.join(done)}: put into quarantine" if done else ""


@short_transaction
def _folders_of(model: str, models: ModelsFolder) -> list[Path]:
    variants = ModelVariant.objects.filter(model__name__iexact=model)
    return [models.root / variant.folder for variant in variants]


@short_transaction
def _end_job(model: str, models: ModelsFolder) -> str:
    now = timezone.now()
    PullJob.objects.filter(model_name__iexact=model).filter(status__in=UNFINISHED).update(
        status=PullJob.Status.FAILED,
        step="failed",
        error="the server had no such job",
        modified_at=now,
        finished_at=now,
    )
    return "the job is marked as failed"


@short_transaction
def _mark_failed(model: str, models: ModelsFolder) -> str:
    for row in Model.objects.filter(name=model):
        row.status = Model.Status.FAILED
        row.save(update_fields=["status", "modified_at"])
    return "marked as failed"


@short_transaction
def _correct_row(model: str, models: ModelsFolder) -> str:
    for row in Model.objects.filter(name=model):
        for variant in row.variants.all():
            manifest = load_manifest(models.root / variant.folder)
            if manifest is not None:
                row.digest = manifest.digest
                row.save(update_fields=["digest", "modified_at"])
                return f"its row says {manifest.digest[:12]} now"
    return ""


_FIXES: dict[Fix, Callable[[str, ModelsFolder], str]] = {
    Fix.ADOPT: _adopt,
    Fix.REMOVE_INSTALLED: _remove_installed,
    Fix.REMOVE_QUARANTINED: _remove_quarantined,
    Fix.REMOVE_WORK: _remove_work,
    Fix.QUARANTINE: _quarantine,
    Fix.END_JOB: _end_job,
    Fix.MARK_FAILED: _mark_failed,
    Fix.CORRECT_ROW: _correct_row,
}
