"""Says on standard output, as one line of JSON, what OpenVINO finds on this machine.

Run as `python -m inference.worker.probe` by `inference.probing`: device plugins are native code
that can crash or hang, and the server never loads OpenVINO. A device is present when OpenVINO lists
it; the texts of errors are never interpreted, they change with drivers.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

LONGEST_TEXT = 500
DRIVER_PROPERTIES = ("NPU_DRIVER_VERSION", "GPU_DRIVER_VERSION", "DRIVER_VERSION")


def _plain(value: Any) -> Any:
    """A property's value as JSON can carry it."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)[:LONGEST_TEXT]


def _properties(core: Any, device: str) -> dict[str, Any]:
    """Every property of the device that can be read. Reading some of those listed raises: TypeError
    for COMPATIBILITY_CHECK on the CPU of OpenVINO 2026.4.1, RuntimeError elsewhere."""
    found: dict[str, Any] = {}
    for name in ("FULL_DEVICE_NAME", *core.get_property(device, "SUPPORTED_PROPERTIES")):
        if name == "SUPPORTED_PROPERTIES":
            continue
        try:
            found[str(name)] = _plain(core.get_property(device, name))
        except (RuntimeError, TypeError, ValueError):
            continue
    return found


def _describe(core: Any, device: str) -> dict[str, Any]:
    try:
        properties = _properties(core, device)
    except RuntimeError as error:
        properties = {"ERROR": str(error)[:LONGEST_TEXT]}
    try:
        plugin = core.get_versions(device)[device].build_number
    except (RuntimeError, KeyError):
        plugin = ""
    driver = next((str(properties[key]) for key in DRIVER_PROPERTIES if key in properties), "")
    return {
        "name": device,
        "full_name": str(properties.get("FULL_DEVICE_NAME", "")),
        "driver": driver,
        "plugin": plugin,
        "capabilities": properties.get("OPTIMIZATION_CAPABILITIES", []),
        "properties": properties,
    }


def main() -> None:
    """Print the findings. Plugins may print too, so they get standard error as their output."""
    answer = os.dup(1)
    os.dup2(2, 1)
    import openvino

    core = openvino.Core()
    findings = {
        "openvino": openvino.__version__,
        "devices": [_describe(core, device) for device in core.available_devices],
    }
    with os.fdopen(answer, "w", encoding="ascii") as out:
        out.write(json.dumps(findings) + "\n")


if __name__ == "__main__":
    main()
    # A plugin that waits in its exit handler must not keep the server waiting for the answer.
    sys.stdout.flush()
    os._exit(0)
