"""From rows and variables to the picture in memory (`inference.snapshot`), and its renewal.

A saved row calls `mark_changed`; the appliance has attached the server's loop, so the picture is
built anew in the database thread and put in force, once for many changes that come together.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import psutil
from django.db import transaction

from inference import devices, environment, snapshot
from inference.calibration import passports
from inference.catalog.names import parse_name
from inference.database import in_database_thread
from inference.errors import InvalidRequest
from inference.model_info import model_info
from inference.models import (
    Device,
    DevicePolicy,
    Model,
    ModelAlias,
    PinnedPair,
    RoutingPolicy,
    Setting,
)
from inference.snapshot import (
    DeviceInfo,
    RoutingInfo,
    SettingsInfo,
    Snapshot,
)

log = logging.getLogger(__name__)

EMULATED_NAMES = {"NPU": "OpenVINO's NPU pipeline on the CPU", "GPU": "The CPU in a GPU's place"}
MEMORY_SHARE = 0.6
"""Of the machine's memory, for the engines of one device, where the owner sets no budget: NPU and
integrated GPU use the machine's own."""


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One key of the closed set. `parse` raises ValueError on what `allowed` does not cover."""

    key: str
    default: Any
    parse: Callable[[str], Any]
    allowed: str
    help: str
    variable: str = ""
    at_next_start: bool = False


def _signed_seconds(text: str) -> float:
    seconds = float(text)
    if not abs(seconds) <= 10 * 365 * 86400:
        raise ValueError(text)
    return seconds


def _between(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _overridable(key: str, default: Any, help: str, *, at_next_start: bool = False) -> SettingSpec:
    variable = next(v for v in environment.VARIABLES if v.overrides == f"Setting.{key}")
    return SettingSpec(
        key, default, variable.parse, variable.allowed, help, variable.name, at_next_start
    )


_defaults = SettingsInfo()
SETTINGS: dict[str, SettingSpec] = {
    spec.key: spec
    for spec in (
        _overridable("host", "127.0.0.1", "Address to listen on.", at_next_start=True),
        _overridable("port", 11435, "Port to listen on.", at_next_start=True),
        _overridable(
            "allowed_hosts",
            "",
            "More names under which this machine may be asked for.",
            at_next_start=True,
        ),
        _overridable(
            "allowed_origins",
            _defaults.allowed_origins,
            "Pages of other origins that may call the API from a browser.",
        ),
        _overridable(
            "real_inference",
            _defaults.real_inference,
            "Off: an engine that echoes, to check the wiring.",
        ),
        _overridable(
            "inference_timeout_seconds",
            _defaults.inference_timeout_seconds,
            "Longest time one request may take, in seconds.",
        ),
        _overridable("log_level", _defaults.log_level, "How much the log says."),
        _overridable("embedding_model", _defaults.embedding_model, "Model for embeddings."),
        _overridable("embedding_device", _defaults.embedding_device, "Device for embeddings."),
        _overridable(
            "embedding_cache_size",
            _defaults.embedding_cache_size,
            "Embeddings kept in memory, in entries.",
        ),
        _overridable(
            "pull_max_gigabytes",
            _defaults.pull_max_gigabytes,
            "Models with larger files are not pulled, in gigabytes; 0: no limit.",
        ),
        _overridable(
            "pull_parallel",
            _defaults.pull_parallel,
            "Files of one model that are downloaded at the same time.",
        ),
        SettingSpec(
            "keep_alive_seconds",
            _defaults.keep_alive_seconds,
            _signed_seconds,
            "seconds; negative: for ever",
            "How long an idle model stays loaded, in seconds.",
        ),
        SettingSpec(
            "load_timeout_seconds",
            _defaults.load_timeout_seconds,
            _between(1, 86400),
            "seconds from 1 to 86400",
            "Longest time a model may take to load, in seconds.",
        ),
        SettingSpec(
            "first_token_timeout_seconds",
            _defaults.first_token_timeout_seconds,
            _between(1, 86400),
            "seconds from 1 to 86400",
            "Longest time an engine may take to the first token, in seconds.",
        ),
        SettingSpec(
            "inter_token_timeout_seconds",
            _defaults.inter_token_timeout_seconds,
            _between(1, 86400),
            "seconds from 1 to 86400",
            "Longest time between two tokens, in seconds.",
        ),
        SettingSpec(
            "heartbeat_timeout_seconds",
            _defaults.heartbeat_timeout_seconds,
            _between(2, 3600),
            "seconds from 2 to 3600",
            "An engine process that gives no sign of life for longer is replaced, in seconds.",
        ),
        SettingSpec(
            "compile_cache_gigabytes",
            _defaults.compile_cache_gigabytes,
            _between(0, 10_000),
            "gigabytes from 0 to 10000",
            "Disk space for what NPU and GPU compiled, in gigabytes; the oldest goes first.",
        ),
        SettingSpec(
            "calibrate_when_idle_seconds",
            _defaults.calibrate_when_idle_seconds,
            _between(0, 86400),
            "seconds from 0 (only by command) to 86400",
            "New models are calibrated once nothing ran for so long, in seconds.",
        ),
        SettingSpec(
            "strict_parameters",
            _defaults.strict_parameters,
            environment.parse_flag,
            "1 or 0",
            "Refuse requests with parameters that would have no effect, instead of naming those.",
        ),
        SettingSpec(
            "console_login_required",
            _defaults.console_login_required,
            environment.parse_flag,
            "1 or 0",
            "Demand a login for the console on this machine too, even while nobody has an account.",
        ),
        SettingSpec(
            "welcome_is_over",
            _defaults.welcome_is_over,
            environment.parse_flag,
            "1 or 0",
            "Show the overview first, not the first steps, while nobody has an account.",
        ),
        SettingSpec(
            "prompts_are_kept",
            _defaults.prompts_are_kept,
            environment.parse_flag,
            "1 or 0",
            "Keep prompts and answers in the request log, to read and replay them.",
        ),
        SettingSpec(
            "records_kept",
            _defaults.records_kept,
            environment.whole(100, 10_000_000),
            "a whole number from 100 to 10000000",
            "Requests that the log keeps; the oldest go first.",
        ),
        SettingSpec(
            "records_kept_days",
            _defaults.records_kept_days,
            environment.whole(0, 36_500),
            "days from 0 (for ever) to 36500",
            "How long the log keeps a request, in days.",
        ),
    )
}


def ensure_default_rows() -> None:
    """Create the rows every appliance has, where they are missing. Uses the ORM."""
    with transaction.atomic():
        devices.ensure_rows()
        RoutingPolicy.objects.get_or_create(id=1)
        present = set(Setting.objects.values_list("key", flat=True))
        missing = [spec for spec in SETTINGS.values() if spec.key not in present]
        if missing:
            Setting.objects.bulk_create(
                [Setting(key=spec.key, value=spec.default) for spec in missing]
            )


def load() -> Snapshot:
    """Build the picture from rows, variables and the models' folders. Blocks on database and
    disk."""
    models = {
        model.name: model_info(model)
        for model in Model.objects.prefetch_related("variants").order_by("name")
    }
    policies = DevicePolicy.objects.select_related("device").order_by("priority", "device__name")
    device_infos = tuple(_device_info(policy.device, policy) for policy in policies)
    values = load_settings()
    known = {item.name for item in fields(SettingsInfo)}
    return Snapshot(
        models=MappingProxyType(models),
        devices=device_infos,
        routing=_routing_info(RoutingPolicy.objects.filter(id=1).first() or RoutingPolicy()),
        settings=SettingsInfo(**{key: values[key] for key in known}),
        locked=environment.locked(),
        aliases=MappingProxyType(_aliases()),
        passports=MappingProxyType(passports.usable(models, device_infos)),
        pins=frozenset(PinnedPair.objects.values_list("model__name", "device__name")),
    )


def load_settings() -> dict[str, Any]:
    """Every setting in force: the variable's value, else the row's, else the default."""
    rows = dict(Setting.objects.values_list("key", "value"))
    return {
        key: environment.overriding(f"Setting.{key}", _usable(spec, rows.get(key, spec.default)))
        for key, spec in SETTINGS.items()
    }


async def refresh() -> None:
    """Build the picture anew and put it in force. The old one stays when that fails."""
    snapshot.replace_with(await in_database_thread(load))
    apply_log_level()


def apply_log_level() -> None:
    """Make the log say as much as the picture in force wants."""
    logging.getLogger().setLevel(snapshot.current().settings.log_level)


class _Renewal:
    """Renews the picture on the server's loop, once for many changes that come together."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_stale = False

    def schedule(self) -> None:
        self.is_stale = True
        if self.loop is not None and (self.task is None or self.task.done()):
            self.task = self.loop.create_task(self._run(), name="configuration")

    async def _run(self) -> None:
        while self.is_stale:
            self.is_stale = False
            try:
                await refresh()
            except Exception:  # the rows may be wrong in any way; the old picture still serves
                log.exception("the configuration could not be renewed; the old one stays in force")


_renewal = _Renewal()


def mark_changed() -> None:
    """Say that a row changed. From any thread; returns at once. Without a server it does nothing:
    the next start builds the picture anyway."""
    loop = _renewal.loop
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(_renewal.schedule)


def attach(loop: asyncio.AbstractEventLoop) -> None:
    """From now on changed rows renew the picture on that loop."""
    _renewal.loop = loop


async def detach() -> None:
    """End the renewal; waits for one under way."""
    _renewal.loop = None
    if _renewal.task is not None:
        await asyncio.gather(_renewal.task, return_exceptions=True)
        _renewal.task = None


def _usable(spec: SettingSpec, value: Any) -> Any:
    try:
        return spec.parse(str(value))
    except ValueError:
        log.warning("setting %s=%r cannot be used; allowed: %s", spec.key, value, spec.allowed)
        return spec.default


def _aliases() -> dict[str, str]:
    found = {}
    for name, target in ModelAlias.objects.values_list("name", "target"):
        try:
            found[parse_name(name).key] = parse_name(target).key
        except InvalidRequest:
            log.warning("the alias %r of %r cannot be used: no name for a model", name, target)
    return found


def _routing_info(policy: RoutingPolicy) -> RoutingInfo:
    def value(field: str) -> Any:
        return environment.overriding(f"RoutingPolicy.{field}", getattr(policy, field))

    return RoutingInfo(
        preferred_device=value("preferred_device"),
        fallback_device=value("fallback_device"),
        token_limit=value("token_limit"),
        mode=policy.mode,
    )


def _device_info(device: Device, policy: DevicePolicy) -> DeviceInfo:
    emulated = device.name in EMULATED_NAMES and bool(
        environment.overriding(f"DevicePolicy.{device.name}.emulate", policy.emulate)
    )
    return DeviceInfo(
        name=device.name,
        present=device.present or emulated,
        enabled=policy.enabled,
        emulated=emulated,
        full_name=EMULATED_NAMES[device.name] if emulated else device.full_name,
        driver="" if emulated else device.driver,
        absent_reason="" if emulated else device.absent_reason,
        priority=policy.priority,
        max_prompt_len=environment.overriding(
            f"DevicePolicy.{device.name}.max_prompt_len", policy.max_prompt_len
        ),
        min_response_len=policy.min_response_len,
        max_engines=policy.max_engines,
        max_concurrent_requests=policy.max_concurrent_requests,
        max_queued_requests=policy.max_queued_requests,
        overflow=policy.overflow,
        memory_budget_bytes=policy.memory_budget_bytes or int(MEMORY_SHARE * _machine_bytes()),
        engine_properties=MappingProxyType(dict(policy.engine_properties or {})),
    )


@functools.cache
def _machine_bytes() -> int:
    return int(psutil.virtual_memory().total)
