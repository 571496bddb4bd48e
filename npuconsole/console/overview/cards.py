"""One card per device: what it is, how it is, what it holds and does, and what is proven of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.router import Reason
from inference.snapshot import DeviceInfo, PassportInfo, Snapshot
from npuconsole.console.overview.traffic import decode_rate
from npuconsole.console.words import DeviceState, Fix, describe_absence

if TYPE_CHECKING:
    from inference.records import RecordDraft
    from inference.status import EngineStatus, RestingPair

VERIFIED_SHOWN = 3
_LOAD_REASONS = (Reason.LOAD_FAILED, Reason.OUT_OF_MEMORY)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a passport says of a model on this device: the longest prompt whose answer was right, in
    tokens; 0 and why for a pair that failed."""

    model: str
    tokens: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """One device. `detail` says what its state means; `fix` is set if a person can help. It served
    `served` of the last `decided` requests."""

    name: str
    device_class: str
    title: str
    state: DeviceState
    detail: str
    fix: Fix | None
    emulated: bool
    loaded: tuple[str, ...]
    loading: tuple[str, ...]
    running: int
    queued: int
    tokens_per_second: float
    prompt_limit_tokens: int | None
    verified: tuple[Verified, ...]
    memory_bytes: int
    memory_budget_bytes: int
    served: int
    decided: int
    last_tokens_per_second: float | None
    last_ttft_seconds: float | None


def draw_devices(
    snapshot: Snapshot,
    engines: Sequence[EngineStatus],
    decisions: Sequence[RecordDraft],
    resting: Sequence[RestingPair],
    rates: Mapping[str, float],
    platform: str,
) -> tuple[DeviceCard, ...]:
    """The cards in the order of every page. `platform` is a sys.platform."""
    cards = []
    for device in in_order(snapshot.devices):
        here = [engine for engine in engines if engine.device == device.name]
        ill = [pair for pair in resting if pair.device == device.name]
        state = device_state(device, here, ill)
        detail, fix = _explain(device, state, ill, platform)
        served = [one for one in decisions if one.execution_device == device.name]
        last = next((one for one in served if decode_rate(one) is not None), None)
        cards.append(
            DeviceCard(
                name=device.name,
                device_class=device.device_class,
                title=device.full_name if device.present else "",
                state=state,
                detail=detail,
                fix=fix,
                emulated=device.emulated,
                loaded=tuple(engine.model for engine in here if engine.state == "ready"),
                loading=tuple(engine.model for engine in here if engine.state == "loading"),
                running=sum(engine.running for engine in here),
                queued=sum(engine.queued for engine in here),
                tokens_per_second=round(rates.get(device.name, 0.0), 1),
                prompt_limit_tokens=_prompt_limit(device, snapshot),
                verified=_verified(device.name, here, snapshot),
                memory_bytes=sum(engine.memory_bytes for engine in here),
                memory_budget_bytes=device.memory_budget_bytes,
                served=len(served),
                decided=len(decisions),
                last_tokens_per_second=decode_rate(last) if last else None,
                last_ttft_seconds=round(last.ttft_seconds, 3) if last else None,
            )
        )
    return tuple(cards)


def device_state(
    device: DeviceInfo, engines: Sequence[EngineStatus], resting: Sequence[RestingPair] = ()
) -> DeviceState:
    """The one word for a device, given the engines on it and the models that rest there."""
    states = {engine.state for engine in engines}
    if not device.present:
        return DeviceState.ABSENT
    if not device.enabled:
        return DeviceState.OFF
    if "loading" in states:
        return DeviceState.LOADING
    if any(engine.running for engine in engines):
        return DeviceState.BUSY
    if "ready" not in states and any(pair.reason not in _LOAD_REASONS for pair in resting):
        return DeviceState.QUARANTINED
    if resting or ("failed" in states and "ready" not in states):
        return DeviceState.DEGRADED
    return DeviceState.READY


def in_order(devices: Iterable[DeviceInfo]) -> list[DeviceInfo]:
    """NPU, GPU, CPU: the same place on every page, whatever the priorities are."""
    rank = {"NPU": 0, "GPU": 1, "CPU": 2}
    return sorted(devices, key=lambda device: (rank.get(device.device_class, 3), device.name))


def _explain(
    device: DeviceInfo, state: DeviceState, resting: Sequence[RestingPair], platform: str
) -> tuple[str, Fix | None]:
    if state is DeviceState.ABSENT:
        return describe_absence(device.device_class, device.absent_reason, platform)
    if state is DeviceState.OFF:
        return "Found, and switched off in its device policy.", None
    if resting:
        told = "; ".join(f"{pair.model} rests: {pair.text}" for pair in resting[:2])
        return f"{told}. Its requests go to the next device.", None
    if state is DeviceState.DEGRADED:
        return "The last model did not load here; requests go to the next device.", None
    return "", None


def _prompt_limit(device: DeviceInfo, snapshot: Snapshot) -> int | None:
    """The longest prompt the device gets; the routing rule's limit is one for NPUs only."""
    limits = [device.max_prompt_len] if device.max_prompt_len else []
    if device.device_class == "NPU":
        limits.append(snapshot.routing.token_limit)
    return min(limits, default=None)


def _verified(
    device: str, engines: Sequence[EngineStatus], snapshot: Snapshot
) -> tuple[Verified, ...]:
    """The passports of this device, those of loaded models first."""
    loaded = {engine.model for engine in engines}
    found = [passport for (_, where), passport in snapshot.passports.items() if where == device]

    def rank(passport: PassportInfo) -> tuple[bool, bool, str]:
        return passport.model not in loaded, not passport.is_verified, passport.model

    return tuple(
        Verified(
            passport.model,
            passport.verified_prompt_tokens if passport.is_verified else 0,
            "" if passport.is_verified else passport.reason,
        )
        for passport in sorted(found, key=rank)[:VERIFIED_SHOWN]
    )
