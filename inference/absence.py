"""Why a device is not there, and what to do about it, in plain words.

OpenVINO only says which devices it has. Looking at the machine tells a person what is missing: the
hardware, the driver, or the permission to use it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_NODES = {"NPU": ("/dev/accel", "accel"), "GPU": ("/dev/dri", "renderD")}
_WHERE_LINUX = {
    "NPU": "install Intel's linux-npu-driver (packages intel-driver-compiler-npu, "
    "intel-fw-npu, intel-level-zero-npu and level-zero)",
    "GPU": "install Intel's compute runtime (packages intel-opencl-icd and libze-intel-gpu1)",
}
_WHERE_WINDOWS = {
    "NPU": "install the Intel NPU driver from Windows Update or Intel's site",
    "GPU": "install the Intel graphics driver from Windows Update or Intel's site",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the machine shows: device nodes of that class, and whether this user may open one."""

    platform: str
    nodes: tuple[str, ...] = ()
    is_usable: bool = False


def explain(name: str, present: list[str]) -> str:
    """The reason in words why the device of that name is not among those present."""
    device_class = name.partition(".")[0]
    numbered = [other for other in present if other.startswith(f"{device_class}.")]
    if numbered and name == device_class:
        return f"Found as {' and '.join(numbered)}."
    return reason(device_class, gather(device_class))


def gather(device_class: str) -> Evidence:
    """Look at this machine. Reads a folder; takes microseconds."""
    if device_class not in _NODES or not sys.platform.startswith("linux"):
        return Evidence(sys.platform)
    folder, prefix = _NODES[device_class]
    nodes = sorted(str(node) for node in Path(folder).glob(f"{prefix}*"))
    usable = any(os.access(node, os.R_OK | os.W_OK) for node in nodes)
    return Evidence(sys.platform, tuple(nodes), usable)


def reason(device_class: str, evidence: Evidence) -> str:
    """The sentence for that evidence."""
    start = "Not found by OpenVINO"
    if device_class == "CPU":
        return f"{start}: its CPU plugin did not load; reinstall the package openvino."
    if evidence.platform == "win32":
        return (
            f"{start}. If this machine has an Intel {device_class}, {_WHERE_WINDOWS[device_class]}."
        )
    if not evidence.platform.startswith("linux"):
        return f"{start}, which supports an Intel {device_class} on Linux and Windows."
    install = _WHERE_LINUX[device_class]
    if not evidence.nodes:
        folder = _NODES[device_class][0]
        return (
            f"{start}, and {folder} shows none. If this machine has an Intel {device_class}, "
            f"enable it in the firmware and {install}."
        )
    if not evidence.is_usable:
        return (
            f"{start}: this user may not open {evidence.nodes[0]}. Add the user to the group "
            "render (sudo usermod -aG render $USER) and log in again."
        )
    return f"{start}, though {evidence.nodes[0]} is there: {install}."
