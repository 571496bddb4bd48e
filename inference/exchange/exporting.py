"""The configuration's rows as a TOML file that can be kept, compared and imported again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from inference import changes, environment
from inference.configuration import SETTINGS
from inference.exchange.toml_text import Section, write
from inference.models import (
    DevicePolicy,
    Model,
    ModelAlias,
    PinnedPair,
    RoutingPolicy,
    Setting,
)

FORMAT = 1
PRESETS = ("keep_alive_seconds", "system", "template", "parameters", "messages")
"""A model's fields that its owner sets, beside those that `changes` knows."""


def export(*, with_presets: bool = True) -> str:
    """The whole configuration. Without presets nothing that people wrote to a model is in it."""
    return write(_sections(with_presets=with_presets))


def _sections(*, with_presets: bool) -> Iterator[Section]:
    pins = list(PinnedPair.objects.order_by("pk").values_list("model__name", "device__name"))
    yield Section(
        (),
        {"format": FORMAT, "pins": None if pins else []},
        note=f"The configuration of npuconsole, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.\n"
        "What is left out of it stays as it is when it is imported. A list of aliases or pins\n"
        "is the whole list. Nothing in it is secret.",
    )
    yield _settings()
    rule = RoutingPolicy.objects.filter(id=1).first()
    if rule is not None:
        yield _row(("routing",), "RoutingPolicy", changes.values_of(rule))
    for policy in DevicePolicy.objects.select_related("device").order_by("device__name"):
        name = policy.device.name
        yield _row(("devices", name), f"DevicePolicy.{name}", changes.values_of(policy))
    for model in Model.objects.order_by("name"):
        if values := _model_values(model, with_presets=with_presets):
            yield Section(("models", model.name), values)
    aliases = dict(ModelAlias.objects.order_by("name").values_list("name", "target"))
    yield Section(("aliases",), aliases)
    for model_name, device in pins:
        yield Section(("pins",), {"model": model_name, "device": device}, is_entry=True)


def _settings() -> Section:
    stored = dict(Setting.objects.values_list("key", "value"))
    values, notes = {}, {}
    for key, spec in SETTINGS.items():
        values[key] = stored.get(key, spec.default)
        at_start = " At the next start." if spec.at_next_start else ""
        notes[key] = f"{spec.help}{at_start}{_lock_note(f'Setting.{key}')}"
    return Section(("settings",), values, notes=notes)


def _row(path: tuple[str, ...], subject: str, values: dict[str, Any]) -> Section:
    """A row's section; an empty text stands for what is not set."""
    notes = {name: words.strip() for name in values if (words := _lock_note(f"{subject}.{name}"))}
    shown = {name: "" if value is None else value for name, value in values.items()}
    return Section(path, shown, notes=notes)


def _model_values(model: Model, *, with_presets: bool) -> dict[str, Any]:
    values = {**changes.values_of(model)}
    if with_presets:
        values |= {name: getattr(model, name) for name in PRESETS}
    return {name: value for name, value in values.items() if value not in (None, "", {}, [])}


def _lock_note(field: str) -> str:
    variable = environment.locked().get(field)
    return f" Overridden here by {variable}." if variable else ""
