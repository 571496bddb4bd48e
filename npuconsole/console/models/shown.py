"""The installed models as their pages show them: each with a verdict for every device. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from inference.snapshot import DeviceInfo, ModelInfo, Snapshot
from npuconsole.console.figures import NBSP, count, counted, parameters, rate, seconds, size
from npuconsole.console.overview.cards import in_order

if TYPE_CHECKING:
    from inference.calibration.passports import PassportReport
    from inference.status import RestingPair

CAPABILITIES = {
    "completion": "text",
    "insert": "fills in",
    "embedding": "embeddings",
}
"""Where people have another word than the API."""

Pair = tuple[str, str]


class Mark(StrEnum):
    """The verdict's sign: a check, a cross, a question mark, or a dash where there is nothing to
    judge."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Length:
    """What was measured at one prompt length, in words."""

    tokens: str
    is_verified: bool
    first_token: str
    speed: str
    agreement: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One model on one device. `detail` is what was measured, "" if nothing; the rest of the fields
    after `is_pinned` are for the model's own page."""

    device: str
    device_class: str
    emulated: bool
    mark: Mark
    words: str
    detail: str = ""
    can_load: bool = False
    can_measure: bool = False
    is_pinned: bool = False
    is_stale: bool = False
    measured_at: datetime | None = None
    memory: str = ""
    load_times: str = ""
    lengths: tuple[Length, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model's row. `facts` is its size and what it is made of; `trouble` says why it cannot be
    used, "" if it can."""

    name: str
    facts: tuple[str, ...]
    capabilities: tuple[str, ...]
    trouble: str
    is_ready: bool
    generates: bool
    cells: tuple[Cell, ...]


def show_models(
    picture: Snapshot, reports: Iterable[PassportReport], resting: Iterable[RestingPair]
) -> tuple[ShownModel, ...]:
    """Every model but those that are only on their way: the jobs tell of them."""
    found = {(report.passport.model, report.passport.device): report for report in reports}
    rests = {(pair.model, pair.device): pair for pair in resting}
    return tuple(
        show_model(model, picture, found, rests)
        for model in sorted(picture.models.values(), key=lambda model: model.name)
        if model.status != "installing"
    )


def show_model(
    model: ModelInfo,
    picture: Snapshot,
    reports: Mapping[Pair, PassportReport],
    resting: Mapping[Pair, RestingPair],
) -> ShownModel:
    """One of them."""
    return ShownModel(
        name=model.name,
        facts=facts_of(model),
        capabilities=tuple(CAPABILITIES.get(word, word) for word in model.capabilities),
        trouble=trouble_of(model),
        is_ready=model.status == "ready" and bool(model.variants),
        generates=model.generates,
        cells=tuple(
            judge(
                model,
                device,
                reports.get((model.name, device.name)),
                resting.get((model.name, device.name)),
                is_pinned=(model.name, device.name) in picture.pins,
            )
            for device in in_order(picture.devices)
        ),
    )


def facts_of(model: ModelInfo) -> tuple[str, ...]:
    """Size on disk, form of the weights, number of parameters, context."""
    formats = dict.fromkeys(variant.weight_format for variant in model.variants)
    forms = ", ".join(name for name in formats if name != "none")
    context = f"context {count(model.context_length)}" if model.context_length else ""
    told = (size(model.size_bytes), forms or model.quantization, parameters(model.parameter_count))
    return tuple(fact for fact in (*told, context) if fact)


def trouble_of(model: ModelInfo) -> str:
    """Why it cannot be used, or a form of it cannot; "" if nothing is wrong."""
    if model.quarantined:
        forms = ", ".join(model.quarantined)
        return f"Damaged and out of use: {forms}. Verify and pull again to mend it."
    if model.status == "failed":
        return "Could not be installed. Pull it again, or delete it."
    return "" if model.variants else "Its files are missing. Pull it again, or delete it."


def judge(
    model: ModelInfo,
    device: DeviceInfo,
    report: PassportReport | None,
    resting: RestingPair | None,
    *,
    is_pinned: bool = False,
) -> Cell:
    """What is known of that pair, with the reason."""
    allowed = [v for v in model.variants if _may_load(v.device_classes, device)]
    can_load = device.present and device.enabled and bool(allowed) and model.status == "ready"

    def cell(mark: Mark, words: str, *, can_measure: bool = False, measured: bool = False) -> Cell:
        told = report if measured else None
        return Cell(
            device=device.name,
            device_class=device.device_class.lower(),
            emulated=device.emulated,
            mark=mark,
            words=words,
            detail=_detail(told),
            can_load=can_load,
            can_measure=can_measure and can_load and model.generates,
            is_pinned=is_pinned,
            is_stale=bool(told and told.is_stale),
            measured_at=told.calibrated_at if told else None,
            memory=size(told.passport.memory_bytes) if told and told.passport.memory_bytes else "",
            load_times=_load_times(told),
            lengths=_lengths(told),
        )

    if not device.present:
        return cell(Mark.NONE, "Not found by OpenVINO")
    if not device.enabled:
        return cell(Mark.NONE, "Switched off")
    if not allowed:
        return cell(Mark.NO, "No form of the model is for this device")
    if resting is not None:
        return cell(Mark.NO, _sentence(resting.text), can_measure=True, measured=True)
    if not model.generates:
        return cell(Mark.NONE, "Embeds here; only text is measured")
    if report is None:
        return cell(Mark.UNKNOWN, "Not measured yet", can_measure=True)
    if report.is_stale:
        words = "Measured before this machine or the model changed"
        return cell(Mark.UNKNOWN, words, can_measure=True, measured=True)
    passport = report.passport
    if not passport.is_verified:
        words = _sentence(passport.reason) or "Failed its calibration"
        return cell(Mark.NO, words, can_measure=True, measured=True)
    words = f"Verified to {counted(passport.verified_prompt_tokens, 'token')}"
    if passport.reason:
        words += f"; {passport.reason}"
    return cell(Mark.YES, words, can_measure=True, measured=True)


def _may_load(classes: Sequence[str], device: DeviceInfo) -> bool:
    return not classes or device.device_class in classes


def _detail(report: PassportReport | None) -> str:
    if report is None or not report.passport.buckets:
        return ""
    first = min(report.passport.buckets, key=lambda bucket: bucket.prompt_tokens)
    speed = rate(first.decode_tokens_per_second)
    return f"{speed}, first token {seconds(first.ttft_seconds)}"


def _lengths(report: PassportReport | None) -> tuple[Length, ...]:
    if report is None:
        return ()
    return tuple(
        Length(
            tokens=count(bucket.prompt_tokens),
            is_verified=bucket.is_verified,
            first_token=seconds(bucket.ttft_seconds),
            speed=rate(bucket.decode_tokens_per_second),
            agreement=(
                f"{bucket.agreed_tokens} of {bucket.compared_tokens}"
                if bucket.compared_tokens
                else "the reference"
            ),
        )
        for bucket in report.passport.buckets
    )


def _load_times(report: PassportReport | None) -> str:
    if report is None or not report.passport.cold_load_seconds:
        return ""
    cold = seconds(report.passport.cold_load_seconds)
    warm = report.passport.warm_load_seconds
    return f"{cold}{NBSP}cold, {seconds(warm)}{NBSP}warm" if warm else cold


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
