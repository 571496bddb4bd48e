"""The variables the owner may set, read and checked once. They override rows.

Everybody asks here instead of `os.environ`. Imports no Django: the settings module is the first to
call in, and a variable that cannot be used must stop the start with one clear line.
"""

from __future__ import annotations

import functools
import logging
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import platformdirs

log = logging.getLogger(__name__)

DEVICE_NAME = re.compile(r"(NPU|GPU|CPU)(\.\d{1,3})?")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
POSTGRES_SCHEMES = ("postgres", "postgresql")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class UnusableVariable(Exception):
    """A variable whose value cannot be used; its text is the one line to show."""

    def __init__(self, variable: str, value: str, allowed: str) -> None:
        shown = value if len(value) <= 120 else value[:117] + "..."
        super().__init__(f"{variable}={shown!r} cannot be used; allowed: {allowed}")
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `parse` raises ValueError; `allowed` says in words what it takes; `overrides`
    is the row's field that it takes the place of ("" = none)."""

    name: str
    parse: Callable[[str], Any]
    allowed: str
    overrides: str = ""
    is_secret: bool = False


def parse_flag(text: str) -> bool:
    """A switch. Raises ValueError."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(text)


def parse_device(text: str) -> str:
    """A device's name in capitals. Raises ValueError."""
    name = text.upper()
    if not DEVICE_NAME.fullmatch(name):
        raise ValueError(text)
    return name


def _fallback_device(text: str) -> str:
    return "auto" if text.lower() == "auto" else parse_device(text)


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers between these two."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return parse


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and 0 < seconds <= 86400):
        raise ValueError(text)
    return seconds


def _gigabytes(text: str) -> float:
    gigabytes = float(text)
    if not (math.isfinite(gigabytes) and gigabytes >= 0):
        raise ValueError(text)
    return gigabytes


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(text)
    return text.upper()


def _host(text: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[0-9A-Za-z.:_%-]{1,253}", host):
        raise ValueError(text)
    return host


def listed(text: str) -> tuple[str, ...]:
    """What stands in a value between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _host_names(text: str) -> str:
    names = listed(text.lower())
    if not all(re.fullmatch(r"\*|\.?[0-9a-z._-]+|\[[0-9a-f:.]+\]", name) for name in names):
        raise ValueError(text)
    return ", ".join(names)


def _origins(text: str) -> str:
    origins = listed(text.lower())
    form = r"\*|[a-z][a-z0-9+.-]*://(\*|[0-9a-z._-]+|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?"
    if not all(re.fullmatch(form, origin) for origin in origins):
        raise ValueError(text)
    return ", ".join(origins)


def _folder(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    nearest = next(place for place in (path, *path.parents) if place.exists())
    if not nearest.is_dir():
        raise ValueError(text)
    return path


def _model_name(text: str) -> str:
    if not re.fullmatch(r"[\w./:@-]{1,250}", text):
        raise ValueError(text)
    return text


def _database_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in POSTGRES_SCHEMES or not parts.path.strip("/"):
        raise ValueError(text)
    _ = parts.port  # raises ValueError when it is no number
    return text


_DEVICES = "NPU, GPU, CPU, or one of several such as GPU.1"

VARIABLES = (
    Variable("NPU_PROXY_HOST", _host, "an address or name of this machine", "Setting.host"),
    Variable("NPU_PROXY_PORT", whole(0, 65535), "0 (any free port) to 65535", "Setting.port"),
    Variable("NPU_PROXY_DEVICE", parse_device, _DEVICES, "RoutingPolicy.preferred_device"),
    Variable(
        "NPU_PROXY_FALLBACK_DEVICE",
        _fallback_device,
        f"auto, {_DEVICES}",
        "RoutingPolicy.fallback_device",
    ),
    Variable("NPU_PROXY_REAL_INFERENCE", parse_flag, "1 or 0", "Setting.real_inference"),
    Variable("NPU_PROXY_MODEL_PATH", _folder, "a folder, or a path where one can be made"),
    Variable(
        "NPU_PROXY_PULL_PARALLEL",
        whole(1, 64),
        "a whole number of files from 1 to 64",
        "Setting.pull_parallel",
    ),
    Variable(
        "NPU_PROXY_PULL_MAX_GB",
        _gigabytes,
        "gigabytes; 0: no limit",
        "Setting.pull_max_gigabytes",
    ),
    Variable("NPU_PROXY_IMPORT_DROPPED", parse_flag, "1 or 0"),
    Variable(
        "NPU_PROXY_INFERENCE_TIMEOUT",
        _seconds,
        "seconds, above 0 and up to 86400",
        "Setting.inference_timeout_seconds",
    ),
    Variable(
        "NPU_PROXY_MAX_PROMPT_LEN",
        whole(16, 1_048_576),
        "a whole number of tokens from 16 to 1048576",
        "DevicePolicy.NPU.max_prompt_len",
    ),
    Variable(
        "NPU_PROXY_TOKEN_LIMIT",
        whole(1, 1_048_576),
        "a whole number of tokens from 1 to 1048576",
        "RoutingPolicy.token_limit",
    ),
    Variable(
        "NPU_PROXY_EMBEDDING_MODEL", _model_name, "the name of a model", "Setting.embedding_model"
    ),
    Variable("NPU_PROXY_EMBEDDING_DEVICE", parse_device, _DEVICES, "Setting.embedding_device"),
    Variable(
        "NPU_PROXY_EMBEDDING_CACHE_SIZE",
        whole(0, 10_000_000),
        "a whole number of entries from 0 to 10000000",
        "Setting.embedding_cache_size",
    ),
    Variable("NPU_PROXY_LOG_LEVEL", _log_level, ", ".join(LOG_LEVELS), "Setting.log_level"),
    Variable("NPUCONSOLE_HOME", _folder, "a folder, or a path where one can be made"),
    Variable("NPUCONSOLE_EXTRAS", _folder, "a folder, or a path where one can be made"),
    Variable("NPUCONSOLE_EMULATE_NPU", parse_flag, "1 or 0", "DevicePolicy.NPU.emulate"),
    Variable("NPUCONSOLE_EMULATE_GPU", parse_flag, "1 or 0", "DevicePolicy.GPU.emulate"),
    Variable(
        "NPUCONSOLE_ALLOWED_HOSTS",
        _host_names,
        "host names with commas between, .example.org or *",
        "Setting.allowed_hosts",
    ),
    Variable(
        "NPUCONSOLE_ALLOWED_ORIGINS",
        _origins,
        "origins of pages with commas between, such as https://chat.example.org, or *",
        "Setting.allowed_origins",
    ),
    Variable(
        "DATABASE_URL",
        _database_url,
        "postgresql://user:password@host:port/database",
        is_secret=True,
    ),
)


@functools.cache
def values() -> Mapping[str, Any]:
    """What is set, by variable name, parsed; read once. Raises UnusableVariable."""
    found = {}
    for variable in VARIABLES:
        # Set to nothing counts as not set: service managers and compose files write it so.
        text = os.environ.get(variable.name, "").strip()
        if not text:
            continue
        try:
            found[variable.name] = variable.parse(text)
        except (ValueError, OSError, RuntimeError):
            shown = "(hidden)" if variable.is_secret else text
            raise UnusableVariable(variable.name, shown, variable.allowed) from None
    return MappingProxyType(found)


@functools.cache
def locked() -> Mapping[str, str]:
    """The rows' fields that are overridden now, each with its variable's name."""
    return MappingProxyType(
        {v.overrides: v.name for v in VARIABLES if v.overrides and v.name in values()}
    )


def overriding(field: str, otherwise: Any) -> Any:
    """The value of the variable that overrides that field, or `otherwise` when none is set."""
    variable = locked().get(field)
    return otherwise if variable is None else values()[variable]


def unknown() -> list[str]:
    """Set variables that look like ours and are not: a typing mistake to warn of."""
    known = {variable.name for variable in VARIABLES}
    return sorted(
        name
        for name in os.environ
        if name.startswith(("NPU_PROXY_", "NPUCONSOLE_")) and name not in known
    )


def reload() -> None:
    """Forget what was read, so that the next question reads the environment again."""
    values.cache_clear()
    locked.cache_clear()
    home.cache_clear()


@functools.cache
def home() -> Path:
    """The data folder. It may not exist yet."""
    default = platformdirs.user_data_path("npuconsole", appauthor=False)
    return Path(values().get("NPUCONSOLE_HOME", default))


def models_folder() -> Path:
    """Where the models are kept. It may not exist yet."""
    return Path(values().get("NPU_PROXY_MODEL_PATH", home() / "models"))


def extras_folder() -> Path:
    """Where libraries lie that only some jobs need. It may not exist yet."""
    return Path(values().get("NPUCONSOLE_EXTRAS", home() / "extras"))
