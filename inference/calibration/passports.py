"""Passports in the database: written by calibration and by a device's garbage, read by everybody.

Synchronous functions use the ORM: call them in the database thread. The others may be called
anywhere on the event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from inference import snapshot
from inference.calibration.agreement import Bucket
from inference.calibration.prompts import length_below
from inference.calibration.versions import SETTINGS, is_due, is_stale, versions_of
from inference.database import in_database_thread
from inference.models import Device, Model, Passport
from inference.residency.spec import choose_variant
from inference.snapshot import BucketInfo, DeviceInfo, ModelInfo, PassportInfo, Snapshot

log = logging.getLogger(__name__)

Pair = tuple[str, str]
"""A model's and a device's name."""
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class PassportDraft:
    """What a calibration found. Times are seconds; `memory_bytes` is the most the engine's process
    held while it served; `reason` says why it failed, or what was left out."""

    model: str
    device: str
    weight_format: str
    versions: dict[str, Any]
    is_verified: bool
    reason: str = ""
    verified_prompt_tokens: int = 0
    cold_load_seconds: float = 0.0
    warm_load_seconds: float = 0.0
    memory_bytes: int = 0
    buckets: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class PassportReport:
    """A stored passport, for people: the table, JSON, the console."""

    passport: PassportDraft
    calibrated_at: datetime
    is_stale: bool

    @property
    def is_emulated(self) -> bool:
        """Whether an emulated device was measured."""
        return bool(self.passport.versions.get("emulated"))

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON can carry it."""
        facts = asdict(self.passport)
        status = "verified" if facts.pop("is_verified") else "failed"
        return {
            "model": facts.pop("model"),
            "device": facts.pop("device"),
            "emulated": self.is_emulated,
            "status": status,
            **facts,
            "is_stale": self.is_stale,
            "calibrated_at": self.calibrated_at.isoformat(),
        }


async def reports(model: str | None = None, device: str | None = None) -> list[PassportReport]:
    """The stored passports, or those of that model or device (exact names), in order of both."""
    return await in_database_thread(_reports, snapshot.current(), model, device)


async def mark_down(model: str, device: str, prompt_tokens: int, reason: str) -> None:
    """The device answered garbage at that prompt length, in tokens: from now on the pair is
    verified for shorter prompts only. Never raises for what the database does."""
    try:
        await in_database_thread(
            _mark_down, snapshot.current(), model, device, prompt_tokens, reason
        )
    except Exception:  # the request that saw it must go on elsewhere
        log.exception("the passport of %s on %s could not be marked down", model, device)


def usable(
    models: Mapping[str, ModelInfo], devices: tuple[DeviceInfo, ...]
) -> dict[Pair, PassportInfo]:
    """What routing may rely on: the passports that are not stale. Uses the ORM."""
    plugins = read_plugins()
    known = {device.name: device for device in devices}
    found = {}
    for row in Passport.objects.select_related("model", "device"):
        pair = row.model.name, row.device.name
        now = _versions_now(models.get(pair[0]), known.get(pair[1]), plugins)
        if now is not None and not is_stale(row.versions, now):
            found[pair] = _info(row)
    return found


def due(pairs: Mapping[Pair, Mapping[str, Any]]) -> list[Pair]:
    """Which of these pairs, each with its versions and settings of now, should be measured, in the
    order given. Uses the ORM."""
    rows = {
        (row.model.name, row.device.name): row
        for row in Passport.objects.select_related("model", "device")
    }
    moment = timezone.now()
    return [
        pair
        for pair, now in pairs.items()
        if (row := rows.get(pair)) is None
        or is_due(
            row.versions,
            now,
            is_verified=row.status == Passport.Status.VERIFIED,
            calibrated_at=row.calibrated_at,
            moment=moment,
        )
    ]


def store(draft: PassportDraft, *, calibrated_at: datetime | None = None) -> None:
    """Replace the pair's passport, calibrated now unless told otherwise. A model or device that is
    gone meanwhile has none. Uses the ORM."""
    with transaction.atomic():
        model = Model.objects.filter(name=draft.model).first()
        device = Device.objects.filter(name=draft.device).first()
        if model is None or device is None:
            return
        Passport.objects.update_or_create(
            model=model,
            device=device,
            defaults={
                "weight_format": draft.weight_format,
                "versions": draft.versions,
                "status": (
                    Passport.Status.VERIFIED if draft.is_verified else Passport.Status.FAILED
                ),
                "reason": draft.reason[:_LONGEST_REASON],
                "verified_prompt_tokens": draft.verified_prompt_tokens,
                "cold_load_seconds": draft.cold_load_seconds,
                "warm_load_seconds": draft.warm_load_seconds,
                "memory_bytes": draft.memory_bytes,
                "buckets": [asdict(bucket) for bucket in draft.buckets],
                "calibrated_at": calibrated_at or timezone.now(),
            },
        )


def read_plugins() -> dict[str, str]:
    """The OpenVINO plugin of each device, by name. Uses the ORM."""
    rows = Device.objects.values_list("name", "facts")
    return {name: str((facts or {}).get("plugin", "")) for name, facts in rows}


def _reports(picture: Snapshot, model: str | None, device: str | None) -> list[PassportReport]:
    rows = Passport.objects.select_related("model", "device").order_by(
        "model__name", "device__name"
    )
    if model is not None:
        rows = rows.filter(model__name=model)
    if device is not None:
        rows = rows.filter(device__name=device)
    plugins = read_plugins()
    found = []
    for row in rows:
        draft = _draft(row)
        now = _versions_now(picture.models.get(draft.model), picture.device(draft.device), plugins)
        stale = now is None or is_stale(draft.versions, now)
        found.append(PassportReport(draft, row.calibrated_at, stale))
    return found


def _mark_down(picture: Snapshot, model: str, device: str, prompt_tokens: int, reason: str) -> None:
    row = (
        Passport.objects.select_related("model", "device")
        .filter(model__name=model, device__name=device)
        .first()
    )
    info, where = picture.models.get(model), picture.device(device)
    variant = choose_variant(info, where) if info and where else None
    now = _versions_now(info, where, read_plugins())
    if now is None or variant is None:
        return
    calibrated_at = None
    if row is not None and not is_stale(row.versions, now):
        draft, calibrated_at = _draft(row), row.calibrated_at
    else:
        # Without the settings it is due: what was never measured still should be.
        draft = PassportDraft(
            model,
            device,
            variant.weight_format,
            {**now, SETTINGS: ""},
            True,
            verified_prompt_tokens=prompt_tokens,
        )
    verified = min(draft.verified_prompt_tokens, length_below(prompt_tokens))
    store(
        replace(
            draft,
            is_verified=draft.is_verified and verified > 0,
            verified_prompt_tokens=verified,
            reason=f"garbage at {prompt_tokens:,} tokens: {reason}",
            buckets=tuple(
                replace(bucket, is_verified=bucket.is_verified and bucket.prompt_tokens <= verified)
                for bucket in draft.buckets
            ),
        ),
        calibrated_at=calibrated_at,
    )
    log.warning(
        "%s on %s is verified to %d tokens only: garbage at %d (%s)",
        model,
        device,
        verified,
        prompt_tokens,
        reason,
    )


def _versions_now(
    model: ModelInfo | None, device: DeviceInfo | None, plugins: Mapping[str, str]
) -> dict[str, Any] | None:
    """None when the pair cannot exist now."""
    variant = choose_variant(model, device) if model and device else None
    if model is None or device is None or variant is None:
        return None
    return versions_of(model, variant, device, plugins)


def _draft(row: Passport) -> PassportDraft:
    return PassportDraft(
        model=row.model.name,
        device=row.device.name,
        weight_format=row.weight_format,
        versions=dict(row.versions),
        is_verified=row.status == Passport.Status.VERIFIED,
        reason=row.reason,
        verified_prompt_tokens=row.verified_prompt_tokens,
        cold_load_seconds=row.cold_load_seconds,
        warm_load_seconds=row.warm_load_seconds,
        memory_bytes=row.memory_bytes,
        buckets=_buckets(row),
    )


def _buckets(row: Passport) -> tuple[Bucket, ...]:
    try:
        return tuple(Bucket(**bucket) for bucket in row.buckets)
    except TypeError:
        log.warning("the measurements of %s cannot be read: another version wrote them", row)
        return ()


def _info(row: Passport) -> PassportInfo:
    draft = _draft(row)
    return PassportInfo(
        model=draft.model,
        device=draft.device,
        is_verified=draft.is_verified,
        reason=draft.reason,
        verified_prompt_tokens=draft.verified_prompt_tokens,
        cold_load_seconds=draft.cold_load_seconds,
        warm_load_seconds=draft.warm_load_seconds,
        memory_bytes=draft.memory_bytes,
        buckets=tuple(
            BucketInfo(b.prompt_tokens, b.ttft_seconds, b.decode_tokens_per_second)
            for b in draft.buckets
        ),
    )
