"""The configuration the server works from: an immutable picture of the rows, held in memory.

Nothing on the way to the first token touches the database; a row that
changes replaces the whole picture. Read it with `current()`; `inference.configuration` builds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inference.prompts.capabilities import Insertion
from inference.requests import Message, Sampling


@dataclass(frozen=True, slots=True)
class VariantInfo:
    """One form of a model on disk. `device_classes` are the classes that may load it, () = all."""

    id: int
    folder: Path
    weight_format: str
    size_bytes: int
    device_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model a client can name. `name` is the display name and always carries the tag.

    `chat_template` is Jinja, `shown_template` the same as the owner wrote it. `system`, `messages`,
    `preset` and `num_ctx` are what a request gets that says nothing else; `parameters` are the
    presets in the words of whoever set them. `parent` is the model that this one was made from;
    `insertion` how it is asked to fill in, if its own tokens do that. `quarantined` are the formats
    of variants that were found damaged; with no other one the status is "failed".
    """

    id: int
    name: str
    status: str  # "ready", "installing", "failed"
    family: str  # architecture: "llama"
    digest: str  # 64 hexadecimal digits
    size_bytes: int
    parameter_count: int
    quantization: str
    context_length: int
    capabilities: tuple[str, ...]
    modified_at: datetime
    variants: tuple[VariantInfo, ...]
    facts: Mapping[str, Any]  # facts.json of the importer
    chat_template: str
    shown_template: str = ""
    has_preset_template: bool = False
    system: str = ""
    messages: tuple[Message, ...] = ()
    preset: Sampling = Sampling()
    num_ctx: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    parent: str = ""
    insertion: Insertion | None = None
    license: str = ""
    keep_alive_seconds: float | None = None
    token_limit: int | None = None  # overrides RoutingInfo.token_limit
    quarantined: tuple[str, ...] = ()

    @property
    def generates(self) -> bool:
        """Whether it writes text; a sentence encoder only embeds."""
        return "completion" in self.capabilities or "embedding" not in self.capabilities


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device row with its policy. Limits are tokens; `engine_properties` go to the pipeline."""

    name: str  # "NPU", "GPU", "GPU.0", "CPU"
    present: bool
    enabled: bool
    emulated: bool
    full_name: str
    driver: str
    absent_reason: str
    priority: int
    max_prompt_len: int | None  # static prompt limit; None = the model's context length
    min_response_len: int
    max_engines: int
    max_concurrent_requests: int
    max_queued_requests: int
    overflow: str = "next"  # "next", "wait", "refuse": what a request does when no place is free
    memory_budget_bytes: int = 0  # for all its engines together; 0 = not limited
    engine_properties: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def device_class(self) -> str:
        """NPU, GPU or CPU: the part before the dot."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class RoutingInfo:
    """The three-way rule of the original: prompts up to `token_limit` tokens go to
    `preferred_device`, longer ones to the next device that can hold them. `fallback_device` "auto"
    = GPU, then CPU."""

    preferred_device: str = "NPU"
    fallback_device: str = "auto"
    token_limit: int = 1800
    mode: str = "thresholds"  # "thresholds", "measured", "frugal", "keep-gpu-free"


@dataclass(frozen=True, slots=True)
class BucketInfo:
    """What calibration measured at one prompt length."""

    prompt_tokens: int
    ttft_seconds: float
    decode_tokens_per_second: float


@dataclass(frozen=True, slots=True)
class PassportInfo:
    """What calibration found of a pair, with the machine's versions of now: stale ones are left
    out. `verified_prompt_tokens` is the longest prompt whose answer agreed with the CPU's."""

    model: str
    device: str
    is_verified: bool
    reason: str
    verified_prompt_tokens: int
    cold_load_seconds: float
    warm_load_seconds: float
    memory_bytes: int
    buckets: tuple[BucketInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsInfo:
    """Owner's settings that requests and pulls read. Times are seconds."""

    real_inference: bool = True
    inference_timeout_seconds: float = 180.0
    keep_alive_seconds: float = 300.0
    load_timeout_seconds: float = 600.0
    first_token_timeout_seconds: float = 120.0  # from the engine having the request
    inter_token_timeout_seconds: float = 60.0
    heartbeat_timeout_seconds: float = 30.0  # an engine silent for longer is ended
    compile_cache_gigabytes: float = 20.0
    calibrate_when_idle_seconds: float = 300.0  # 0 = only by command
    allowed_origins: str = ""  # with commas between
    log_level: str = "INFO"
    embedding_model: str = "BAAI/bge-small-en-v1.5"
    embedding_device: str = "CPU"
    embedding_cache_size: int = 1000  # entries
    pull_max_gigabytes: float = 0.0  # 0 = no limit
    pull_parallel: int = 8  # files of one model at the same time
    strict_parameters: bool = False  # parameters without effect are an error
    console_login_required: bool = False  # for callers on this machine too, without an account
    welcome_is_over: bool = False  # somebody chose to use the console without an account
    prompts_are_kept: bool = False  # in the request log, with their answers
    records_kept: int = 200_000  # rows of the request log; the oldest go first
    records_kept_days: int = 90  # 0 = for ever


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at once. `locked` maps an overridden field ("RoutingPolicy.token_limit") to the
    environment variable that overrides it; `aliases` maps a name in lower case, with its tag,
    to the model's; `passports` and `pins` go by (model, device)."""

    models: Mapping[str, ModelInfo] = field(default_factory=lambda: MappingProxyType({}))
    devices: tuple[DeviceInfo, ...] = ()
    routing: RoutingInfo = RoutingInfo()
    settings: SettingsInfo = SettingsInfo()
    locked: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    passports: Mapping[tuple[str, str], PassportInfo] = field(
        default_factory=lambda: MappingProxyType({})
    )
    pins: frozenset[tuple[str, str]] = frozenset()

    def model(self, key: str) -> ModelInfo | None:
        """The model of that name in lower case and with its tag, or the one that an alias of that
        name means: one step, so that aliases cannot lead round in circles."""
        return self._installed(key) or self._installed(self.aliases.get(key, ""))

    def answering(self) -> list[ModelInfo]:
        """The ready models, once for every name that they answer to; a name that an alias gives is
        as people type it."""
        ready = [model for model in self.models.values() if model.status == "ready"]
        by_key = {model.name.lower(): model for model in ready}
        return ready + [
            replace(by_key[target], name=name.removesuffix(":latest"))
            for name, target in self.aliases.items()
            if target in by_key and self._installed(name) is None
        ]

    def _installed(self, key: str) -> ModelInfo | None:
        return next((m for name, m in self.models.items() if name.lower() == key), None)

    def device(self, name: str) -> DeviceInfo | None:
        """The device row of that exact name, or None."""
        return next((device for device in self.devices if device.name == name), None)


_current = Snapshot()


def current() -> Snapshot:
    """The picture now in force. Takes 0.1 µs; never blocks."""
    return _current


def replace_with(snapshot: Snapshot) -> None:
    """Put another picture in force; requests under way keep the one they started with."""
    global _current
    _current = snapshot
