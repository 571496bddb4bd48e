"""The bodies of /api/npu: from records and pictures in memory to their schemas. Never blocks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from apis import times
from apis.calls import Call
from apis.npu.errors import error_object
from apis.npu.schemas import (
    FitAnswer,
    FitDisk,
    FitVerdict,
    Passport,
    Place,
    Receipt,
    Refusal,
    RoutedDevice,
    RoutePreview,
    State,
    Step,
    Times,
    Tokens,
)
from apis.progress import progress_object, step_lines
from inference.calibration.passports import PassportReport
from inference.calibration.runs import Done, Update
from inference.catalog.fit.planner import Fit
from inference.catalog.progress import PullFrame
from inference.journal import RunningRequest
from inference.previews import DevicePreview, Preview
from inference.records import RecordDraft
from inference.router import WORDS, Reason
from inference.snapshot import Snapshot
from inference.status import Waiting

NDJSON = "application/x-ndjson"

STATES: dict[str, State] = {"stop": "finished", "length": "finished", "cancelled": "cancelled"}
"""By outcome; every other outcome is an error's code."""


def receipt_of(record: RecordDraft, picture: Snapshot) -> Receipt:
    """The receipt of a request that ended."""
    chain = [_step(step) for step in record.chain]
    return Receipt(
        id=record.request_id,
        state=STATES.get(record.outcome, "failed"),
        waiting=None,
        outcome=record.outcome,
        error=record.error or None,
        received_at=times.rfc3339(record.received_at),
        family=record.family,
        endpoint=record.endpoint,
        model=record.model_name,
        routed_device=record.routed_device or None,
        execution_device=record.execution_device or None,
        devices=record.devices,
        emulated=_emulated(
            [record.routed_device, record.execution_device, *(step.device for step in chain)],
            picture,
        ),
        reason=record.reason or None,
        fallback_reason=record.fallback_reason or None,
        explanation=record.explanation or None,
        chain=chain,
        times=Times(
            queue_seconds=_rounded(record.queue_seconds),
            load_seconds=_rounded(record.load_seconds),
            prefill_seconds=_rounded(record.prefill_seconds),
            decode_seconds=_rounded(record.decode_seconds),
            ttft_seconds=_rounded(record.ttft_seconds),
            total_seconds=_rounded(record.total_seconds),
            predicted_seconds=_rounded(record.predicted_seconds),
        ),
        tokens=Tokens(prompt=record.prompt_tokens, completion=record.completion_tokens),
        ignored=record.ignored,
    )


def receipt_so_far(
    entry: RunningRequest, picture: Snapshot, lines: Iterable[Waiting] = ()
) -> Receipt:
    """What is known of a request under way: it has no device while it waits for one, and its route
    is known from the first token on. `lines` are all who wait."""
    place = next((one for one in lines if one.request_id == entry.request_id), None)
    route = entry.route
    chain = [_step(asdict(step)) for step in route.chain] if route else []
    devices = [entry.device] if entry.device and entry.tokens else []
    return Receipt(
        id=entry.request_id,
        state="running",
        waiting=Place(position=place.position, seconds=round(place.seconds, 1)) if place else None,
        outcome=None,
        error=None,
        received_at=times.rfc3339(entry.since),
        family=entry.family,
        endpoint=entry.endpoint,
        model=entry.model,
        routed_device=route.routed_device if route else None,
        execution_device=entry.device or None,
        devices=devices,
        emulated=_emulated([entry.device, *(step.device for step in chain)], picture),
        reason=route.reason if route else None,
        fallback_reason=(route.fallback_reason or None) if route else None,
        explanation=route.explanation if route else None,
        chain=chain,
        times=Times(
            queue_seconds=None,
            load_seconds=None,
            prefill_seconds=None,
            decode_seconds=None,
            ttft_seconds=None,
            total_seconds=_rounded((datetime.now(UTC) - entry.since).total_seconds()),
            predicted_seconds=_rounded(route.predicted_seconds) if route else None,
        ),
        tokens=Tokens(prompt=route.prompt_tokens if route else None, completion=entry.tokens),
        ignored=[],
    )


def merged(recent: Iterable[RecordDraft], written: Iterable[RecordDraft]) -> list[RecordDraft]:
    """Records of memory and database as one list without doubles, newest first."""
    by_id = {record.request_id: record for record in (*written, *recent)}
    return sorted(by_id.values(), key=lambda record: record.received_at, reverse=True)


def preview_of(told: Preview, meanwhile: str | None) -> RoutePreview:
    """The body of a dry run."""
    return RoutePreview(
        model=told.model,
        prompt_tokens=told.prompt_tokens,
        is_exact=told.is_exact,
        requested_tokens=told.requested_tokens,
        mode=told.mode,
        token_limit=told.token_limit,
        device=told.device or None,
        meanwhile=meanwhile,
        routed_device=told.routed_device or None,
        reason=told.reason,
        words=words_of(told.reason),
        explanation=told.explanation,
        refusal=Refusal(code=told.refusal_code, error=told.refusal) if told.refusal_code else None,
        devices=[_routed_device(device) for device in told.devices],
    )


def fit_of(asked: str, found: Fit) -> FitAnswer:
    """The body of a fit: `asked` is the name as the client sent it."""
    shape, weights = found.shape, found.weights
    return FitAnswer(
        model=asked,
        kind=found.kind,
        architecture=shape.architecture if shape else "",
        parameters=shape.parameters if shape else 0,
        context=shape.context if shape else 0,
        format=weights.format,
        recipe=weights.recipe.words,
        download_bytes=weights.download_bytes,
        loaded_bytes=weights.loaded_bytes,
        disk=FitDisk(
            needed_bytes=found.disk_needed_bytes,
            free_bytes=found.disk_free_bytes,
            is_enough=found.has_disk,
        ),
        npu_export=found.npu_export or None,
        devices=[
            FitVerdict(
                device=verdict.device,
                is_present=verdict.is_present,
                emulated=verdict.emulated,
                verdict=verdict.answer.value,
                reason=verdict.reason,
                tokens=verdict.tokens,
                max_prompt=verdict.max_prompt,
                memory_bytes=verdict.memory_bytes,
                kv_bytes_per_token=verdict.kv_bytes_per_token,
            )
            for verdict in found.verdicts
        ],
    )


def passport_of(report: PassportReport) -> Passport:
    """A stored passport."""
    facts = {**report.as_dict(), "calibrated_at": times.rfc3339(report.calibrated_at)}
    return Passport.model_validate(facts)


def calibration_lines(
    call: Call, first: Update, others: AsyncGenerator[Update, None]
) -> AsyncGenerator[bytes, None]:
    """The steps of a calibration, and its passports; one that fails ends with its error."""
    return step_lines(call, others, update_object, error_object, first)


def job_lines(call: Call, steps: AsyncIterable[PullFrame]) -> AsyncGenerator[bytes, None]:
    """The progress of a job that makes a model, line by line like that of a pull; one that fails
    ends with its error."""
    return step_lines(call, steps, progress_object, error_object)


def update_object(update: Update) -> dict[str, Any]:
    """What is being done now, or what came of it all."""
    if isinstance(update, Done):
        passports = [passport_of(report).model_dump() for report in update.passports]
        return {"status": "success", "passports": passports}
    return {"status": update.words, "model": update.model, "device": update.device}


def words_of(reason: str) -> str:
    """A reason in words for people; one that an older version wrote stands for itself."""
    return WORDS[Reason(reason)] if reason in set(Reason) else reason


def _routed_device(told: DevicePreview) -> RoutedDevice:
    return RoutedDevice(
        device=told.device,
        emulated=told.emulated,
        would_run=told.would_run,
        place=told.place,
        reason=told.reason or None,
        words=told.words,
        limit=told.limit,
        capacity=told.capacity,
        verified_prompt_tokens=told.verified_prompt_tokens or None,
        predicted_seconds=_rounded(told.predicted_seconds),
        state=told.state,
        running=told.running,
        queued=told.queued,
    )


def _step(step: Mapping[str, Any]) -> Step:
    reason = str(step.get("reason", ""))
    return Step(
        device=step.get("device", ""),
        reason=reason,
        words=words_of(reason),
        error=step.get("error", ""),
        tokens=step.get("tokens", 0),
    )


def _emulated(names: Iterable[str], picture: Snapshot) -> list[str]:
    known = {device.name for device in picture.devices if device.emulated}
    return [name for name in dict.fromkeys(names) if name in known]


def _rounded(seconds: Any) -> Any:
    return None if seconds is None else round(seconds, 6)
