"""What importing a configuration file would change: read and compared, nothing is written.

A plan holds what would differ, what cannot be (with the words for it), and what is passed over.
With any error nothing of the file is applied.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from inference import changes
from inference.catalog.names import parse_name
from inference.changes import Checked, UnknownSubject
from inference.configuration import SETTINGS
from inference.errors import InvalidRequest
from inference.exchange.exporting import FORMAT, PRESETS
from inference.exchange.presets import checked_presets
from inference.models import Device, Model, ModelAlias, PinnedPair

LONGEST_FILE = 1024 * 1024
ALIASES = "Aliases"
PINS = "Pins"
PRESETS_OF = "Presets."
"""Subjects, beside those of `changes`, under which an import's changes are kept."""

Table = Mapping[str, Any]
HostTrial = Callable[[str], str]


class NotAConfiguration(Exception):
    """The file cannot be read as one; the text says why."""


@dataclass(slots=True)
class Plan:
    """What an import would do. `edits` go through `changes`; the rest is in `differences` only.
    `errors` is by "subject.field"; `passed_over` are sentences."""

    edits: dict[str, Table] = field(default_factory=dict)
    differences: list[Checked] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many fields would differ."""
        return sum(len(difference.after) for difference in self.differences)

    def own(self, kind: str) -> list[Checked]:
        """The differences of that kind of subject."""
        return [one for one in self.differences if one.subject.startswith(kind)]


def read_plan(text: str, try_host: HostTrial = lambda host: "") -> Plan:
    """What importing that text would do. `try_host` says why a server could not listen at an
    address, "" if it could. Raises NotAConfiguration."""
    document = _parsed(text)
    plan = Plan()
    for key in document:
        if key not in ("format", "settings", "routing", "devices", "models", "aliases", "pins"):
            plan.passed_over.append(f"The part {key[:60]} is not known here.")
    _plan_settings(plan, _table(document, "settings"), try_host)
    if routing := _table(document, "routing"):
        _plan_row(plan, "RoutingPolicy", "The rule", routing)
    for name, values in _table(document, "devices").items():
        _plan_row(plan, f"DevicePolicy.{name}", name, _as_table(values, f"devices.{name}"))
    for name, values in _table(document, "models").items():
        _plan_model(plan, name, _as_table(values, f"models.{name}"))
    if "aliases" in document:
        _plan_aliases(plan, _table(document, "aliases"))
    if "pins" in document:
        _plan_pins(plan, document["pins"])
    return plan


def decode(content: bytes) -> str:
    """A file's text. Windows' editors and PowerShell's `>` write other encodings than UTF-8, and
    say so with their first bytes. Raises NotAConfiguration."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise NotAConfiguration("This is no text, or not in UTF-8.") from None


def _parsed(text: str) -> Table:
    if len(text) > LONGEST_FILE:
        raise NotAConfiguration("The file is larger than 1 MB; no configuration is.")
    try:
        document = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotAConfiguration(f"This is not TOML: {error}.") from None
    version = document.get("format")
    if version is None:
        raise NotAConfiguration(f"This is no configuration: it does not say format = {FORMAT}.")
    if version != FORMAT:
        raise NotAConfiguration(
            f"It has format {version!r}, this npuconsole reads {FORMAT}: a newer one wrote it."
        )
    return document


def _table(document: Table, name: str) -> Table:
    return _as_table(document.get(name, {}), name)


def _as_table(value: Any, name: str) -> Table:
    if not isinstance(value, Mapping):
        raise NotAConfiguration(f"{name} must be a table.")
    return value


def _plan_settings(plan: Plan, values: Table, try_host: HostTrial) -> None:
    for key, value in values.items():
        if key not in SETTINGS:
            plan.passed_over.append(f"The setting {key[:60]} is not known here.")
            continue
        before = len(plan.differences)
        _plan_row(plan, f"Setting.{key}", f"The setting {key}", {"value": value})
        if key == "host" and len(plan.differences) > before:
            host = plan.differences[-1].after["value"]
            if problem := try_host(host):
                plan.errors["Setting.host.value"] = problem


def _plan_row(plan: Plan, subject: str, words: str, values: Table) -> None:
    """Compare one row that `changes` knows."""
    plain = {name: _plain(value) for name, value in values.items()}
    try:
        checked = changes.check(subject, plain)
    except UnknownSubject:
        plan.passed_over.append(f"{words} is not on this machine.")
        return
    for name, said in checked.errors.items():
        if variable := changes.locked_by(subject, name):
            whose = words if name == "value" else f"{words}, {name.replace('_', ' ')}"
            plan.passed_over.append(f"{whose}: {variable} sets it here, so it stays.")
        else:
            plan.errors[f"{subject}.{name}"] = said
    if checked.after:
        plan.edits[subject] = {name: plain[name] for name in checked.after}
        plan.differences.append(checked)


def _plan_model(plan: Plan, name: str, values: Table) -> None:
    model = Model.objects.filter(name__iexact=name).first()
    if model is None:
        plan.passed_over.append(f"The model {name[:250]} is not installed here.")
        return
    if "token_limit" in values:
        limit = {"token_limit": values["token_limit"]}
        _plan_row(plan, changes.subject_of(model), model.name, limit)
    wanted = {key: value for key, value in values.items() if key in PRESETS}
    plan.passed_over += [
        f"{model.name}, {key[:60]}: not known here."
        for key in values
        if key not in (*PRESETS, "token_limit")
    ]
    found, errors = checked_presets(wanted)
    subject = f"{PRESETS_OF}{model.name}"
    plan.errors |= {f"{subject}.{key}": words for key, words in errors.items()}
    after = {key: value for key, value in found.items() if getattr(model, key) != value}
    if after:
        before = {key: getattr(model, key) for key in after}
        plan.differences.append(Checked(subject, before, after))


def _plan_aliases(plan: Plan, wanted: Table) -> None:
    now = dict(ModelAlias.objects.values_list("name", "target"))
    after: dict[str, Any] = {}
    for name, target in wanted.items():
        try:
            parse_name(name)
            parse_name(target if isinstance(target, str) else "")
        except InvalidRequest:
            plan.errors[f"{ALIASES}.{name}"] = "Both must be names of models, such as llama3.2:3b."
            continue
        if now.get(name) != target:
            after[name] = target
    after |= {name: None for name in now if name not in wanted}
    if after:
        before = {name: now.get(name) for name in after}
        plan.differences.append(Checked(ALIASES, before, after))


def _plan_pins(plan: Plan, wanted: Any) -> None:
    if not isinstance(wanted, list) or not all(isinstance(pair, Mapping) for pair in wanted):
        raise NotAConfiguration("pins must be a list of tables, each with a model and a device.")
    models = set(Model.objects.values_list("name", flat=True))
    devices = set(Device.objects.values_list("name", flat=True))
    now = {_pair(*pair) for pair in PinnedPair.objects.values_list("model__name", "device__name")}
    asked = set()
    for pair in wanted:
        model, device = str(pair.get("model", "")), str(pair.get("device", ""))
        if model in models and device in devices:
            asked.add(_pair(model, device))
        else:
            plan.passed_over.append(f"The pin {_pair(model, device)[:300]}: not here.")
    after = {pair: pair in asked for pair in sorted(asked ^ now)}
    if after:
        plan.differences.append(Checked(PINS, {pair: pair in now for pair in after}, after))


def _pair(model: str, device: str) -> str:
    return f"{model} on {device}"


def _plain(value: Any) -> Any:
    """Dates are no values here; as text they are refused in words."""
    return value if isinstance(value, str | bool | int | float | list | dict) else str(value)
