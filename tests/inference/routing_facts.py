"""Devices, rules and passports that the tests of the router start from."""

from __future__ import annotations

from dataclasses import replace

from inference.router import DeviceFacts, PairLoad, Reason, Rule
from inference.snapshot import BucketInfo, PassportInfo

NPU = DeviceFacts("NPU", 10, longest_prompt=2048, capacity=2559)
GPU = DeviceFacts("GPU", 20, longest_prompt=8192, capacity=8192)
CPU = DeviceFacts("CPU", 30, longest_prompt=8192, capacity=8192)
RULE = Rule("NPU", "auto", 1800)


def unusable(device: DeviceFacts, reason: Reason = Reason.DEVICE_ABSENT) -> DeviceFacts:
    """The same device, not to be used for that reason."""
    return replace(device, unusable=reason)


def loaded(device: DeviceFacts, **load: object) -> DeviceFacts:
    """The same device with its engine in that state, ready if nothing else is said."""
    return replace(device, load=PairLoad(**{"state": "ready", **load}))


def passport(
    *times: tuple[int, float, float],
    device: str = "NPU",
    is_verified: bool = True,
    reason: str = "",
    verified: int = 0,
    warm: float = 0.0,
    cold: float = 0.0,
) -> PassportInfo:
    """A passport with those (prompt tokens, seconds to the first token, tokens per second)."""
    buckets = tuple(BucketInfo(*time) for time in times)
    return PassportInfo("m:latest", device, is_verified, reason, verified, cold, warm, 0, buckets)


def measured(device: DeviceFacts, *times: tuple[int, float, float], **more: object) -> DeviceFacts:
    """The same device, loaded and with a passport of those times."""
    return replace(loaded(device), passport=passport(*times, device=device.name, **more))


def calibrated(device: DeviceFacts, **facts: object) -> DeviceFacts:
    """The same device with such a passport."""
    return replace(device, passport=passport(device=device.name, **facts))
