"""The rows of models that are made from other models, and of those that go.

A copy has presets of its own and shares the folders. Synchronous like `rows`. Where folders are
returned no row names them any more; the caller removes them once no engine has them open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.catalog.names import ModelName
from inference.catalog.rows import is_shared, leave
from inference.catalog.transactions import short_transaction
from inference.models import Model, ModelVariant, Passport
from inference.presets import OTHER_NAMES
from inference.requests import Message

_SHARED_FIELDS = (
    "status",
    "family",
    "digest",
    "size_bytes",
    "parameter_count",
    "quantization",
    "context_length",
    "capabilities",
    "license",
    "source",
    "facts",
    "system",
    "template",
    "parameters",
    "messages",
    "parent",
    "keep_alive_seconds",
    "token_limit",
)


@dataclass(frozen=True, slots=True)
class Presets:
    """What a new model is to say and do differently from the one it is made from; None keeps that
    one's. `parameters` are added to its."""

    system: str | None = None
    template: str | None = None
    messages: tuple[Message, ...] | None = None
    license: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


NO_PRESETS = Presets()


class NoSuchModel(Exception):
    """There is no model of that name that could be used."""


class NameTaken(Exception):
    """Another model has that name."""


@short_transaction
def copy_rows(
    source: ModelName, destination: ModelName, presets: Presets, models_root: Path, *, parent: str
) -> list[Path]:
    """`destination` becomes a model like `source` with those presets, whatever it was before.
    `parent` is what it says that it was made from ("" = what the source says). Returns the folders
    that it had alone. Raises NoSuchModel."""
    origin = ready_model(source)
    values = {name: getattr(origin, name) for name in _SHARED_FIELDS}
    if parent:
        values["parent"] = parent
    model, left = origin, []
    if source.key != destination.key:
        model = _named(destination)
        left = _unshared(model, models_root)
        for name, value in values.items():
            setattr(model, name, value)
    apply_presets(model, presets)
    model.save()
    if model.pk != origin.pk:
        _copy_belongings(origin, model)
        named = {models_root / variant.folder for variant in model.variants.all()}
        left = [folder for folder in left if folder not in named]
        leave(left, models_root)
    return left


@short_transaction
def set_presets(name: ModelName, presets: Presets) -> None:
    """A model made from files gets these presets and no others. Raises NoSuchModel."""
    model = ready_model(name)
    model.system = model.template = model.parent = ""
    model.parameters, model.messages = {}, []
    apply_presets(model, presets)
    model.save()


@short_transaction
def delete_rows(name: ModelName, models_root: Path) -> list[Path]:
    """The model goes; returns the folders that it had alone. One that is being installed cannot go
    yet. Raises NoSuchModel."""
    model = Model.objects.filter(name__iexact=name.display).first()
    if model is None or model.status == Model.Status.INSTALLING:
        raise NoSuchModel
    left = _unshared(model, models_root)
    leave(left, models_root)
    model.delete()
    return left


@short_transaction
def rename_rows(name: ModelName, new: ModelName) -> str:
    """The model has another name, with everything that belongs to it; returns the old one as it was
    written. Raises NoSuchModel, and NameTaken."""
    model = Model.objects.filter(name__iexact=name.display).first()
    if model is None or model.status == Model.Status.INSTALLING:
        raise NoSuchModel
    if Model.objects.filter(name__iexact=new.display).exclude(pk=model.pk).exists():
        raise NameTaken
    old: str = model.name
    model.name = new.display
    model.save(update_fields=["name", "modified_at"])
    for child in Model.objects.filter(parent=old):
        child.parent = new.display
        child.save(update_fields=["parent", "modified_at"])
    return old


def ready_model(name: ModelName) -> Model:
    """The row of that name, if the model can be used. Raises NoSuchModel."""
    model: Model | None = Model.objects.filter(
        name__iexact=name.display, status=Model.Status.READY
    ).first()
    if model is None:
        raise NoSuchModel
    return model


def _named(name: ModelName) -> Model:
    return Model.objects.filter(name__iexact=name.display).first() or Model(name=name.display)


def _unshared(model: Model, models_root: Path) -> list[Path]:
    variants = ModelVariant.objects.filter(model=model) if model.pk else ()
    return [models_root / variant.folder for variant in variants if not is_shared(variant)]


def apply_presets(model: Model, presets: Presets) -> None:
    """Change the row, which is not saved, as `presets` say."""
    if presets.system is not None:
        model.system = presets.system
    if presets.template is not None:
        model.template = presets.template
    if presets.license is not None:
        model.license = presets.license
    if presets.messages is not None:
        model.messages = [
            {"role": message.role, "content": message.content} for message in presets.messages
        ]
    replaced = {OTHER_NAMES.get(name, name) for name in presets.parameters}
    kept = {
        name: value
        for name, value in dict(model.parameters or {}).items()
        if OTHER_NAMES.get(name, name) not in replaced
    }
    model.parameters = {**kept, **presets.parameters}


def _copy_belongings(origin: Model, model: Model) -> None:
    """The same forms on disk, and what was measured of them."""
    for kind in (ModelVariant, Passport):
        kind.objects.filter(model=model).delete()
        for row in kind.objects.filter(model=origin):
            row.pk, row.model = None, model
            row._state.adding = True
            row.save()
