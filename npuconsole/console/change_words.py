"""Changes of the configuration in words: what the lists of changes and the previews show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.configuration import SETTINGS
from inference.models import DevicePolicy, RoutingPolicy

_LABELS = {
    "RoutingPolicy.mode": "mode",
    "RoutingPolicy.preferred_device": "preferred device",
    "RoutingPolicy.fallback_device": "next device",
    "RoutingPolicy.token_limit": "limit of the NPU",
    "Model.token_limit": "own limit of the NPU",
    "DevicePolicy.enabled": "used",
    "DevicePolicy.emulate": "emulated",
    "DevicePolicy.priority": "priority",
    "DevicePolicy.max_prompt_len": "longest prompt",
    "DevicePolicy.min_response_len": "kept for the answer",
    "DevicePolicy.max_engines": "models at once",
    "DevicePolicy.max_concurrent_requests": "requests at once",
    "DevicePolicy.max_queued_requests": "waiting at most",
    "DevicePolicy.overflow": "when full",
    "DevicePolicy.memory_budget_bytes": "memory",
    "DevicePolicy.engine_properties": "OpenVINO properties",
}
_EMPTY = {
    "max_prompt_len": "the model's context",
    "token_limit": "as for all models",
    "memory_budget_bytes": "from the machine",
}
_CHOICES = {
    "RoutingPolicy.mode": dict(RoutingPolicy.Mode.choices),
    "DevicePolicy.overflow": dict(DevicePolicy.Overflow.choices),
}


def subject_words(subject: str) -> str:
    """What was changed: "The rule", "NPU", a model's or a setting's name."""
    kind, _, name = subject.partition(".")
    if kind == "RoutingPolicy":
        return "The rule"
    return name.replace("_", " ") if kind == "Setting" else name or kind


def label_of(subject: str, field: str) -> str:
    """A field's name as the pages show it."""
    kind = subject.partition(".")[0]
    if kind == "Setting":
        spec = SETTINGS.get(subject.partition(".")[2])
        return spec.help.rstrip(".") if spec else field
    return _LABELS.get(f"{kind}.{field}", field.replace("_", " "))


def value_words(subject: str, field: str, value: Any) -> str:
    """A value as the pages show it."""
    kind = subject.partition(".")[0]
    if value is None or value == "":
        return _EMPTY.get(field, "empty")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and field not in ("priority",):
        return f"{value:,}"
    return str(_CHOICES.get(f"{kind}.{field}", {}).get(str(value), value))


def change_words(subject: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One line for each field: "limit of the NPU: 1,800 → 900"."""
    return [
        f"{label_of(subject, name)}: {value_words(subject, name, before.get(name))} "
        f"\N{RIGHTWARDS ARROW} {value_words(subject, name, value)}"
        for name, value in after.items()
    ]
