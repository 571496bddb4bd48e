"""What is installed: all of it with a verdict for every device, and each model on its own page."""

from __future__ import annotations

import dataclasses
from typing import Any

from asgiref.sync import async_to_sync
from django.http import Http404, HttpRequest

from inference import conversions, snapshot, status, upkeep
from inference.calibration import passports
from inference.catalog.disk_use import ModelUse
from inference.catalog.names import parse_name
from inference.errors import InvalidRequest
from inference.models import Model
from inference.snapshot import ModelInfo
from npuconsole.console.figures import counted, parameters, size
from npuconsole.console.models.preset_forms import STOP, fields_of, stops_of
from npuconsole.console.models.shown import ShownModel, show_models
from npuconsole.console.overview.cards import in_order
from npuconsole.console.pages import Context, console_page

TARGET_WORDS = {
    "int8": "int8, hardly any loss",
    "int4": "int4, for CPU and GPU",
    "npu": "int4 as NPUs want it",
}


@console_page("models")
def models(request: HttpRequest) -> Context:
    """The page of what is installed."""
    use, free_bytes = async_to_sync(upkeep.disk_use)()
    shown = _shown()
    return {
        "tab": "installed",
        "installed": shown,
        "devices": _devices(),
        "disk": {
            "models": counted(len(shown), "model"),
            "used": size(use.installed_bytes),
            "free": size(free_bytes),
            "unfinished": size(use.unfinished_bytes) if use.unfinished_bytes else "",
            "quarantined": size(use.quarantined_bytes) if use.quarantined_bytes else "",
        },
    }


@console_page("models", "console/models_list.html")
def models_list(request: HttpRequest) -> Context:
    """The matrix alone, for a page whose stamp has changed."""
    return {"installed": _shown(), "devices": _devices()}


@console_page("models", "console/models_one.html")
def model(request: HttpRequest, name: str) -> Context:
    """One model: what it is, what each device does with it, its forms, its presets."""
    info = _find(name)
    shown = next((row for row in _shown() if row.name == info.name), None)
    if shown is None:
        raise Http404  # it is only on its way
    return {
        "tab": "installed",
        "shown": shown,
        "facts": _facts(info),
        "forms": _forms(info),
        "targets": [(target.value, TARGET_WORDS[target]) for target in conversions.TARGETS],
        "presets": {
            "system": info.system,
            "template": info.shown_template if info.has_preset_template else "",
            "own_template": "" if info.has_preset_template else info.shown_template,
            "fields": fields_of(info),
            "stop": stops_of(info),
            "others": {
                name: value
                for name, value in info.parameters.items()
                if name not in {field.parameter.name for field in fields_of(info)} | {STOP}
            },
            "messages": [dataclasses.asdict(message) for message in info.messages],
        },
        "row": info.id,
    }


@console_page("models", "console/models_deletion.html")
def deletion(request: HttpRequest) -> Context:
    """What a model's deletion would free, for the dialog that asks."""
    info = _find(request.GET.get("model", ""))
    use, _ = async_to_sync(upkeep.disk_use)()
    own = next((one for one in use.models if one.name == info.name), ModelUse(info.name, 0, 0, 0))
    return {
        "name": info.name,
        "freed": size(own.freed_bytes) if own.freed_bytes else "",
        "shared": size(own.shared_bytes) if own.shared_bytes else "",
        "shared_with": own.shared_with,
    }


def _shown() -> tuple[ShownModel, ...]:
    reports = async_to_sync(passports.reports)()
    return show_models(snapshot.current(), reports, status.resting_pairs())


def _devices() -> list[dict[str, Any]]:
    """The matrix's columns."""
    return [
        {
            "name": device.name,
            "class": device.device_class.lower(),
            "emulated": device.emulated,
            "present": device.present,
        }
        for device in in_order(snapshot.current().devices)
    ]


def _find(name: str) -> ModelInfo:
    try:
        found = snapshot.current().model(parse_name(name).key)
    except InvalidRequest:
        found = None
    if found is None:
        raise Http404("No model of this name is installed.")
    return found


def _facts(info: ModelInfo) -> list[tuple[str, str]]:
    source = Model.objects.filter(pk=info.id).values_list("source", flat=True).first() or ""
    kept = info.keep_alive_seconds
    facts = [
        ("Family", info.family),
        ("Parameters", parameters(info.parameter_count)),
        ("Context", counted(info.context_length, "token") if info.context_length else ""),
        ("Quantization", info.quantization),
        ("Size", size(info.size_bytes)),
        ("Made from", info.parent),
        ("Came from", source),
        ("NPU threshold", counted(info.token_limit, "token") if info.token_limit else ""),
        ("Kept loaded", "" if kept is None else "for ever" if kept < 0 else f"{kept:g} s"),
        ("License", info.license.splitlines()[0][:80] if info.license else ""),
        ("Digest", info.digest[:12]),
        ("Changed", f"{info.modified_at:%Y-%m-%d %H:%M} UTC"),
    ]
    return [(term, value) for term, value in facts if value]


def _forms(info: ModelInfo) -> list[dict[str, str]]:
    return [
        {
            "format": variant.weight_format,
            "size": size(variant.size_bytes),
            "devices": ", ".join(variant.device_classes) or "all devices",
            "folder": variant.folder.name,
        }
        for variant in info.variants
    ] + [
        {"format": weight_format, "size": "", "devices": "damaged, out of use", "folder": ""}
        for weight_format in info.quarantined
    ]
