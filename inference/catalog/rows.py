"""The rows of models and of their variants: what pulls and imports read and write of them.

Synchronous; called in a job's thread or through `inference.database`. The rows of the jobs
themselves are `job_rows`, copies and deletions are `copies`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.models import QuerySet

from inference import environment
from inference.catalog import unsettled
from inference.catalog.folders import ModelsFolder
from inference.catalog.manifest import Installed, read_manifest
from inference.catalog.names import ModelName
from inference.catalog.recipes import Plan
from inference.catalog.transactions import short_transaction
from inference.models import Model, ModelVariant

_LONGEST_FAMILY = 60


@dataclass(frozen=True, slots=True)
class Form:
    """One finished form of a model, and the device classes that may load it (() = all)."""

    installed: Installed
    device_classes: tuple[str, ...] = ()


@short_transaction
def find_ready(name: ModelName, models_root: Path) -> Installed | None:
    """The first variant that a ready model of that name has on disk, if all are complete there."""
    model = Model.objects.filter(name__iexact=name.display, status=Model.Status.READY).first()
    variants = ModelVariant.objects.filter(model=model) if model else ()
    found = [read_manifest(models_root / variant.folder) for variant in variants]
    return found[0] if found and all(found) else None


@short_transaction
def has_forms(name: ModelName, wanted: Sequence[Sequence[str]]) -> bool:
    """Whether for each of these groups of device classes (empty = all) the model has a form."""
    variants = ModelVariant.objects.filter(model__name__iexact=name.display)
    there = [set(variant.device_classes) for variant in variants]
    return all(any(not have or set(classes) <= have for have in there) for classes in wanted)


@short_transaction
def has_any_model() -> bool:
    """Whether the catalogue has a row at all, ready or not."""
    return Model.objects.exists()


@short_transaction
def is_known_but_not_ready(name: ModelName) -> bool:
    """Whether the model has a row that says it cannot be served."""
    models = Model.objects.filter(name__iexact=name.display)
    return models.exclude(status=Model.Status.READY).exists()


@short_transaction
def announce(plan: Plan) -> Model:
    """The model's row, made if there is none, so that requests for it are told to wait."""
    model: Model | None = Model.objects.filter(name__iexact=plan.name.display).first()
    if model is None:
        model = Model.objects.create(
            name=plan.name.display,
            status=Model.Status.INSTALLING,
            family=plan.family or "unknown",
            capabilities=list(plan.capabilities),
            license=plan.license,
            parameters=dict(plan.parameters),
        )
    elif model.status == Model.Status.FAILED:
        model.status = Model.Status.INSTALLING
        model.save(update_fields=["status", "modified_at"])
    return model


def publish(plan: Plan, forms: Sequence[Form], models_root: Path) -> list[Path]:
    """The model is ready, with those variants; the first form describes it. Part of the transaction
    that ends the job.

    Returns folders that no row names any more.
    """
    model = announce(plan)  # somebody may have deleted the row meanwhile
    before = model.digest
    describe(model, forms[0].installed)
    model.capabilities = model.capabilities or list(plan.capabilities)
    model.license = model.license or plan.license
    model.save()
    left = [path for form in _distinct(forms) for path in put_form(form, model, models_root)]
    if model.digest != before:
        left += _drop_forms_but(forms, model, models_root)
    leave(left, models_root)
    return left


def describe(model: Model, installed: Installed) -> None:
    """The row, which is not saved, says that the model is ready and what it is."""
    facts = installed.facts
    model.status = Model.Status.READY
    model.family = str(facts.get("architecture") or "unknown")[:_LONGEST_FAMILY]
    model.digest = installed.digest
    model.size_bytes = installed.size_bytes
    model.parameter_count = int(facts.get("parameter_count") or 0)
    model.quantization = str(facts.get("quantization") or "unknown")
    model.context_length = int(facts.get("context_length") or 0)
    model.capabilities = list(facts.get("capabilities") or [])
    model.license = str(facts.get("license") or "")
    model.source = installed.source
    model.facts = dict(facts)


def _distinct(forms: Sequence[Form]) -> list[Form]:
    """Forms with weights of different formats: of two alike the first is for all devices, because a
    model has one variant of a format."""
    chosen: dict[str, Form] = {}
    for form in forms:
        weight_format = form.installed.weight_format
        first = chosen.setdefault(weight_format, form)
        if first is not form:
            chosen[weight_format] = Form(first.installed)
    return list(chosen.values())


def put_form(form: Form, model: Model, models_root: Path) -> list[Path]:
    """The model has that form, and no other one of its weights' format; returns folders that no row
    names any more."""
    made = form.installed
    folder = made.folder.relative_to(models_root).as_posix()
    replaced = ModelVariant.objects.filter(model=model, weight_format=made.weight_format).exclude(
        folder=folder
    )
    left = [models_root / old.folder for old in replaced if not is_shared(old)]
    ModelVariant.objects.update_or_create(
        model=model,
        weight_format=made.weight_format,
        defaults={
            "folder": folder,
            "size_bytes": made.size_bytes,
            "device_classes": list(form.device_classes),
        },
    )
    return left


def _drop_forms_but(forms: Sequence[Form], model: Model, models_root: Path) -> list[Path]:
    """Forms of other contents that had the name before, and what was made of those, are not of the
    model any more; returns folders that no row names any more."""
    kept = [form.installed.weight_format for form in forms]
    others = ModelVariant.objects.filter(model=model).exclude(weight_format__in=kept)
    left = [models_root / other.folder for other in others if not is_shared(other)]
    others.delete()
    return left


def leave(folders: Sequence[Path], models_root: Path) -> None:
    """Note, before the rows go that name them, folders that are to be removed."""
    unsettled.note(folders, ModelsFolder(models_root, environment.home()))


def is_shared(variant: ModelVariant) -> bool:
    """Whether another model has the same folder."""
    others = ModelVariant.objects.filter(folder=variant.folder).exclude(pk=variant.pk)
    return bool(others.exists())


def end_installing(name: ModelName, *, is_forgotten: bool) -> None:
    """Nobody installs the model any more; if it has no files it may be `is_forgotten`. One that was
    there before stays as it was."""
    models = Model.objects.filter(name__iexact=name.display, status=Model.Status.INSTALLING)
    if is_forgotten:
        models.filter(variants__isnull=True).delete()
    _fail(models)


def fail_installing_but(names: Collection[str]) -> None:
    """Models that say they are being installed have failed, but for those."""
    _fail(Model.objects.filter(status=Model.Status.INSTALLING).exclude(name__in=names))


def _fail(models: QuerySet[Model]) -> None:
    for model in models:
        model.status = Model.Status.FAILED
        model.save(update_fields=["status", "modified_at"])
