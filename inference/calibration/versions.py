"""What a passport holds for: software, device and weights, as texts that can be compared.

A passport is stale when one of these differs now: it counts no longer. It is due when it is stale,
when the engine would be set up differently (another prompt limit, another property), or when it
says that the pair failed and is a day old: then it counts until it is replaced.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any

import orjson

from inference.residency.spec import EngineSpec
from inference.snapshot import DeviceInfo, ModelInfo, VariantInfo

SETTINGS = "settings"
"""The key of the set-up, which makes a passport due but not stale."""
FAILED_IS_TRIED_AGAIN_AFTER = timedelta(days=1)


def versions_of(
    model: ModelInfo, variant: VariantInfo, device: DeviceInfo, plugins: Mapping[str, str]
) -> dict[str, Any]:
    """The versions in force for that pair. `plugins` are the devices' OpenVINO plugins by name."""
    runs_on = "CPU" if device.emulated else device.name
    return {
        "openvino": installed_version("openvino"),
        "openvino_genai": installed_version("openvino-genai"),
        "device": device.full_name,
        "emulated": device.emulated,
        "driver": device.driver,
        "plugin": plugins.get(runs_on, ""),
        "weights": f"{variant.weight_format}-{model.digest[:12]}",
    }


def settings_of(spec: EngineSpec) -> str:
    """Twelve digits that change when the engine would be set up differently."""
    properties = orjson.loads(spec.properties)
    properties.pop("CACHE_DIR", None)  # a place, not a setting
    text = orjson.dumps([properties, spec.longest_prompt], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:12]


def is_stale(saved: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether something differs that the measurements depend on."""
    return any(saved.get(name) != version for name, version in now.items() if name != SETTINGS)


def is_due(
    saved: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    is_verified: bool,
    calibrated_at: datetime,
    moment: datetime,
) -> bool:
    """Whether the pair should be measured again. `now` has the settings too."""
    if is_stale(saved, now) or saved.get(SETTINGS) != now[SETTINGS]:
        return True
    return not is_verified and moment - calibrated_at > FAILED_IS_TRIED_AGAIN_AFTER


@functools.cache
def installed_version(package: str) -> str:
    """Of an installed package, without importing it; "" when its metadata is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
