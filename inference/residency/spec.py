"""What exactly is to be loaded for a model on a device: pure, from rows to an engine's job.

Two equal specs are served by one engine; a changed row gives another spec, and the engine is
replaced when it is idle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from inference.prompts.conversation import markup_of
from inference.residency.compiled import folder_name
from inference.snapshot import (
    DeviceInfo,
    ModelInfo,
    PassportInfo,
    RoutingInfo,
    SettingsInfo,
    VariantInfo,
)
from inference.worker.protocol import Job

STATIC_STEP = 256
"""Static prompt lengths are multiples of this many tokens."""
PROCESS_BYTES = 256 * 2**20

EMULATED_NPU = {
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
    # Without chunks every prompt costs a prefill of the whole static length on the CPU:
    # 0.9 s to the first token instead of 1.4 s for 30 tokens in 2,048.
    "NPUW_LLM_PREFILL_CHUNK_SIZE": "256",
}
"""OpenVINO's real NPU pipeline, compiled for the CPU."""

EMULATED_NPU_ENCODER = {
    "NPU_USE_NPUW": "YES",
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
}
"""The same for a network that is not a language model's."""

EXACT = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0", "KV_CACHE_PRECISION": "f32"}
"""What INFERENCE_PRECISION_HINT f32 means to be worth its price: with 8-bit activations or an 8-bit
KV cache, greedy text still depends on the shape of the batch (6 of 6 answers changed, now none)."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One loadable pair. `longest_prompt` and `capacity` (prompt plus answer) are tokens;
    `properties` is JSON so that specs compare and hash; `markup` are texts that answers show even
    if they are special tokens."""

    model: str
    device: str
    emulated: bool
    runtime: str
    folder: str
    properties: str
    longest_prompt: int
    capacity: int
    size_bytes: int
    max_concurrent_requests: int
    measured_bytes: int = field(default=0, compare=False)
    markup: tuple[str, ...] = ()

    def is_of(self, model: str, device: str) -> bool:
        """Whether it is that model's on that device, "" meaning any."""
        return model in ("", self.model) and device in ("", self.device)

    @property
    def memory_bytes(self) -> int:
        """What the engine takes of its device's budget: measured by calibration, else about its
        weights, a quarter more, and what every process has."""
        return self.measured_bytes or int(1.25 * self.size_bytes) + PROCESS_BYTES

    @property
    def compiled_folder(self) -> Path | None:
        """Where what the device compiles is kept; None where nothing is."""
        folder = orjson.loads(self.properties).get("CACHE_DIR")
        return Path(folder) if folder else None

    def job(self) -> Job:
        """The worker's job; the link's port and token are filled in when it is spawned."""
        # The emulated NPU is the NPU's own pipeline, told by its properties to compile for the CPU.
        stands_in = self.emulated and not self.device.startswith("NPU")
        device = "CPU" if stands_in else self.device
        properties = orjson.loads(self.properties)
        markup = list(self.markup)
        return Job(0, "", self.runtime, self.folder, device, properties, markup=markup)


def engine_spec(
    model: ModelInfo,
    variant: VariantInfo,
    device: DeviceInfo,
    routing: RoutingInfo,
    settings: SettingsInfo,
    compiled: Path,
    passport: PassportInfo | None = None,
) -> EngineSpec:
    """The spec of that pair. `compiled` is the folder for blobs compiled for NPU and GPU."""
    longest, capacity = lengths(model, device, routing)
    static = device.device_class == "NPU"
    properties: dict[str, Any] = {}
    if static or (device.device_class == "GPU" and not device.emulated):
        # On the CPU a cache only writes full-size copies of the weights.
        properties["CACHE_DIR"] = str(compiled / folder_name(model.digest, device.name))
    if not model.generates:
        longest = capacity = model.context_length
        if static and device.emulated:
            properties |= EMULATED_NPU_ENCODER
    elif static:
        properties |= {"MAX_PROMPT_LEN": longest, "MIN_RESPONSE_LEN": device.min_response_len}
        if device.emulated:
            properties |= EMULATED_NPU
    if not static and is_exact(device):
        properties |= EXACT
    properties |= dict(device.engine_properties)
    return EngineSpec(
        model=model.name,
        device=device.name,
        emulated=device.emulated,
        runtime=_runtime(model, static, settings),
        folder=str(variant.folder),
        properties=orjson.dumps(properties, option=orjson.OPT_SORT_KEYS).decode(),
        longest_prompt=longest,
        capacity=capacity,
        size_bytes=variant.size_bytes,
        max_concurrent_requests=1 if static else device.max_concurrent_requests,
        measured_bytes=passport.memory_bytes if passport else 0,
        markup=markup_of(model.chat_template) if model.generates else (),
    )


def _runtime(model: ModelInfo, static: bool, settings: SettingsInfo) -> str:
    if not model.generates:
        return "embedding" if settings.real_inference else "echo-embedding"
    if not settings.real_inference:
        return "echo"
    return "npu" if static else "batched"


def is_exact(device: DeviceInfo) -> bool:
    """Whether the owner wants the CPU's numbers rather than its speed."""
    wish = str(device.engine_properties.get("INFERENCE_PRECISION_HINT", ""))
    return wish.lower() == "f32" and (device.device_class == "CPU" or device.emulated)


def lengths(model: ModelInfo, device: DeviceInfo, routing: RoutingInfo) -> tuple[int, int]:
    """(longest prompt, prompt plus answer) in tokens for that pair.

    An NPU is compiled for the longest prompt the rule ever sends it, not for the longest it could
    take: static shapes cost load time and memory whether used or not. Its cache holds one token
    less than both static lengths together.
    """
    trained = model.context_length or 4096
    longest = min(trained, device.max_prompt_len or trained)
    if device.device_class != "NPU":
        return longest, min(trained, longest + device.min_response_len)
    limit = model.token_limit or routing.token_limit
    longest = min(longest, STATIC_STEP * math.ceil(limit / STATIC_STEP))
    return longest, min(trained, longest + device.min_response_len - 1)


def variants_for(model: ModelInfo, device: DeviceInfo) -> tuple[VariantInfo, ...]:
    """The variants that device can load, best first: those made for its class, then those for
    any."""
    own = [v for v in model.variants if device.device_class in v.device_classes]
    return (*own, *(variant for variant in model.variants if not variant.device_classes))


def choose_variant(model: ModelInfo, device: DeviceInfo) -> VariantInfo | None:
    """The best variant for that device, or None."""
    return next(iter(variants_for(model, device)), None)
