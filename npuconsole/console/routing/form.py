"""The fields of the routing page: the rule, the chosen model's own limit, and of each device policy
what decides where a request goes. Names are those of `inference.changes`: "subject.field".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from inference import changes, environment
from inference.models import ConfigurationRow, DevicePolicy, Model, RoutingPolicy
from inference.snapshot import Snapshot
from npuconsole.console.change_words import label_of

RULE = "RoutingPolicy"
_RULE_FIELDS = ("mode", "token_limit", "preferred_device", "fallback_device")
_DEVICE_FIELDS = (
    "enabled",
    "priority",
    "max_prompt_len",
    "min_response_len",
    "max_concurrent_requests",
    "max_queued_requests",
    "overflow",
)
_TOKENS = ("token_limit", "max_prompt_len", "min_response_len")
_HINTS = {
    "Model.token_limit": "Empty: as for all models",
    "RoutingPolicy.token_limit": "Longer prompts go on",
    "DevicePolicy.priority": "Lower is tried first",
    "DevicePolicy.max_prompt_len": "Empty: the model's context",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `kind` is "number", "choice" or "switch"; `locked_by` the variable that sets
    it."""

    name: str
    label: str
    value: str
    kind: str = "number"
    choices: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    hint: str = ""
    locked_by: str = ""

    @property
    def id(self) -> str:
        """For labels and scripts."""
        return "f-" + re.sub(r"[^A-Za-z0-9]+", "-", self.name)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device with its fields; `admin` is where the rest of its policy can be edited."""

    name: str
    hue: str
    title: str
    is_present: bool
    is_emulated: bool
    fields: tuple[Field, ...]
    admin: str


Edits = dict[str, dict[str, Any]]


def edits_in(data: Mapping[str, Any], picture: Snapshot) -> Edits:
    """What a sent form says, by subject and field; names of other things are left out. `data` gives
    one text for each name, as a QueryDict does."""
    subjects = {RULE, *(f"DevicePolicy.{device.name}" for device in picture.devices)}
    subjects |= {f"Model.{name}" for name in picture.models}
    found: Edits = {}
    for name in data:
        subject, _, field = name.rpartition(".")
        if subject in subjects:
            found.setdefault(subject, {})[field] = data[name]
    return found


def rule_fields(picture: Snapshot) -> dict[str, Field]:
    """The rule's fields by name. Uses the ORM."""
    policy = RoutingPolicy.objects.filter(id=1).first() or RoutingPolicy()
    names = [device.name for device in picture.devices if device.present]
    classes = [device.device_class for device in picture.devices]
    known = list(dict.fromkeys([*classes, *names]))
    devices = {
        "preferred_device": known,
        "fallback_device": ["auto", *known],
    }
    found = {}
    for name in _RULE_FIELDS:
        field = _field(RULE, policy, name)
        if name in devices:
            options = list(dict.fromkeys([*devices[name], field.value]))
            words = tuple((option, _device_words(option)) for option in options)
            field = _choice(field, words)
        elif name == "mode":
            field = _choice(field, tuple((str(k), str(v)) for k, v in RoutingPolicy.Mode.choices))
        found[name] = field
    return found


def model_field(name: str) -> Field | None:
    """The model's own limit; None for a model without a row. Uses the ORM."""
    model = Model.objects.filter(name=name).first()
    if model is None:
        return None
    return replace(_field(f"Model.{name}", model, "token_limit"), label=f"Only for {name}")


def device_rows(picture: Snapshot) -> list[DeviceRow]:
    """Every device as the page lists them. Uses the ORM."""
    order = {"NPU": 0, "GPU": 1, "CPU": 2}
    rows = DevicePolicy.objects.select_related("device").order_by("device__name")
    found = []
    for policy in sorted(rows, key=lambda row: order.get(row.device.name.partition(".")[0], 3)):
        info = picture.device(policy.device.name)
        if info is None:
            continue
        subject = f"DevicePolicy.{info.name}"
        names = [
            name
            for name in _DEVICE_FIELDS
            # An NPU's static pipeline serves one request at a time, whatever the row says.
            if not (info.device_class == "NPU" and name == "max_concurrent_requests")
        ]
        title = info.full_name if info.present else info.absent_reason.partition(". ")[0]
        found.append(
            DeviceRow(
                name=info.name,
                hue=info.device_class.lower(),
                title=title or "Not found by OpenVINO",
                is_present=info.present,
                is_emulated=info.emulated,
                fields=tuple(_device_field(subject, policy, name) for name in names),
                admin=reverse("admin:inference_devicepolicy_change", args=[policy.pk]),
            )
        )
    return found


def _device_field(subject: str, policy: DevicePolicy, name: str) -> Field:
    field = _field(subject, policy, name)
    if name == "overflow":
        words = tuple((str(k), str(v)) for k, v in DevicePolicy.Overflow.choices)
        return _choice(field, words)
    if name == "enabled":
        value = "true" if field.value == "True" else ""
        return Field(field.name, "Used", value, "switch", locked_by=field.locked_by)
    return field


def _field(subject: str, row: ConfigurationRow, name: str) -> Field:
    variable = changes.locked_by(subject, name)
    value = environment.values()[variable] if variable else getattr(row, name)
    label = label_of(subject, name)
    return Field(
        f"{subject}.{name}",
        label[:1].upper() + label[1:],
        "" if value is None else str(value),
        unit="tokens" if name in _TOKENS else "",
        hint=_HINTS.get(f"{subject.partition('.')[0]}.{name}", ""),
        locked_by=variable,
    )


def _choice(field: Field, choices: tuple[tuple[str, str], ...]) -> Field:
    return replace(field, kind="choice", choices=choices, unit="")


def _device_words(name: str) -> str:
    return "GPU, then CPU" if name == "auto" else name
