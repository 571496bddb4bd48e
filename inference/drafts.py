"""The configuration as it would be after changes that nobody applied yet: what previews ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from inference.changes import Checked
from inference.snapshot import DeviceInfo, RoutingInfo, Snapshot

_OF_ROUTING = {item.name for item in fields(RoutingInfo)}
_OF_DEVICES = {
    "enabled",
    "priority",
    "max_prompt_len",
    "min_response_len",
    "max_engines",
    "max_concurrent_requests",
    "max_queued_requests",
    "overflow",
}
"""Whatever else a device policy holds decides how an engine is loaded, not which one is."""


def with_changes(picture: Snapshot, changes: Iterable[Checked]) -> Snapshot:
    """That picture with the acceptable part of these changes. Pure."""
    for change in changes:
        kind, _, name = change.subject.partition(".")
        if kind == "RoutingPolicy":
            routing = replace(picture.routing, **_only(change, _OF_ROUTING))
            picture = replace(picture, routing=routing)
        elif kind == "DevicePolicy":
            picture = replace(picture, devices=_with_device(picture, name, change))
        elif kind == "Model" and name in picture.models:
            model = replace(picture.models[name], **_only(change, {"token_limit"}))
            models = {key: model if key == name else old for key, old in picture.models.items()}
            picture = replace(picture, models=MappingProxyType(models))
    return picture


def _with_device(picture: Snapshot, name: str, change: Checked) -> tuple[DeviceInfo, ...]:
    changed = (
        replace(device, **_only(change, _OF_DEVICES)) if device.name == name else device
        for device in picture.devices
    )
    return tuple(sorted(changed, key=lambda device: (device.priority, device.name)))


def _only(change: Checked, names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in change.after.items() if name in names}
