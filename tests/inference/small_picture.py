"""A configuration in memory: the starter model on an NPU and a CPU, no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from inference.snapshot import (
    DeviceInfo,
    ModelInfo,
    PassportInfo,
    RoutingInfo,
    Snapshot,
    VariantInfo,
)

MODEL = "smollm2:135m"
NPU = DeviceInfo(
    name="NPU",
    present=True,
    enabled=True,
    emulated=True,
    full_name="OpenVINO's NPU pipeline on the CPU",
    driver="",
    absent_reason="",
    priority=10,
    max_prompt_len=4096,
    min_response_len=512,
    max_engines=1,
    max_concurrent_requests=1,
    max_queued_requests=512,
)
GPU = replace(NPU, name="GPU", present=False, emulated=False, full_name="", priority=20)
CPU = replace(
    NPU,
    name="CPU",
    emulated=False,
    full_name="CPU",
    priority=30,
    max_prompt_len=None,
    max_concurrent_requests=32,
)


def picture(
    folder: Path,
    *passports: PassportInfo,
    devices: tuple[DeviceInfo, ...] = (NPU, GPU, CPU),
    mode: str = "thresholds",
    **model: object,
) -> Snapshot:
    """The configuration with those passports, devices, routing mode and changes to the model."""
    info = ModelInfo(
        id=1,
        name=MODEL,
        status="ready",
        family="llama",
        digest="5f0e3b6c9a1d" * 5 + "0000",
        size_bytes=100_000_000,
        parameter_count=134_515_008,
        quantization="Q4_1",
        context_length=8192,
        capabilities=("completion",),
        modified_at=datetime.now(UTC),
        variants=(VariantInfo(1, folder, "int8", 100_000_000),),
        facts=MappingProxyType({"vocab_size": 49152}),
        chat_template="",
    )
    return Snapshot(
        models=MappingProxyType({MODEL: replace(info, **model)}),
        devices=devices,
        routing=RoutingInfo(mode=mode),
        passports=MappingProxyType({(p.model, p.device): p for p in passports}),
    )
