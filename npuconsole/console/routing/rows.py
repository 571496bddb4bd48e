"""Rows as the routing page shows them: real requests, changes and passports. Uses the ORM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from asgiref.sync import async_to_sync

from inference.calibration import passports
from inference.models import ConfigurationChange, RequestRecord
from inference.snapshot import ModelInfo, Snapshot
from npuconsole.console.change_words import change_words, subject_words
from npuconsole.console.routing.diagram import Asked, hue_of, is_emulated
from npuconsole.console.words import describe_outcome

REQUESTS_DRAWN = 400
CHANGES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change in words. `can_undo` says that no later change touched the same fields."""

    id: int
    at: datetime
    who: str
    subject: str
    lines: tuple[str, ...]
    undoes: int | None
    can_undo: bool


@dataclass(frozen=True, slots=True)
class PassportRow:
    """What is known of the model on one device; `state` is in words."""

    device: str
    hue: str
    is_emulated: bool
    state: str
    is_good: bool
    calibrated_at: datetime | None


def asked_of(model: ModelInfo) -> list[Asked]:
    """The newest requests for that model whose prompts were counted."""
    rows = (
        RequestRecord.objects.filter(model_name=model.name, prompt_tokens__gt=0)
        .order_by("-received_at")
        .values_list(
            "request_id",
            "prompt_tokens",
            "execution_device",
            "outcome",
            "fallback_reason",
            "explanation",
            "error",
        )[:REQUESTS_DRAWN]
    )
    return [
        Asked(
            name,
            tokens,
            device,
            outcome,
            bool(fallback),
            " · ".join(
                part
                for part in (
                    explanation or error or f"{tokens:,} tokens: no device was chosen",
                    describe_outcome(outcome),
                )
                if part
            ),
        )
        for name, tokens, device, outcome, fallback, explanation, error in rows
    ]


def change_rows() -> list[ChangeRow]:
    """The newest changes of what routes: everything but settings."""
    rows = ConfigurationChange.objects.exclude(subject__startswith="Setting.")[:CHANGES_SHOWN]
    touched: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        fields = {(row.subject, name) for name in row.after}
        found.append(
            ChangeRow(
                row.pk,
                row.at,
                row.who,
                subject_words(row.subject),
                tuple(change_words(row.subject, row.before, row.after)),
                row.undoes_id,
                not fields & touched,
            )
        )
        touched |= fields
    return found


def passport_rows(model: ModelInfo, picture: Snapshot) -> list[PassportRow]:
    """What is known of that model on each device that is there."""
    found = {r.passport.device: r for r in async_to_sync(passports.reports)(model.name)}
    rows = []
    for device in sorted(picture.devices, key=lambda d: {"NPU": 0, "GPU": 1}.get(d.name[:3], 2)):
        report = found.get(device.name)
        if not device.present:
            continue
        if report is None:
            state, is_good = "not measured yet", False
        elif report.is_stale:
            state, is_good = "measured with other versions or weights: no longer counts", False
        elif report.passport.is_verified:
            tokens = report.passport.verified_prompt_tokens
            state, is_good = f"verified to {tokens:,} tokens", True
            if report.passport.reason:
                state += f"; {report.passport.reason}"
        else:
            state, is_good = f"failed: {report.passport.reason}", False
        rows.append(
            PassportRow(
                device.name,
                hue_of(device.name),
                is_emulated(device.name, picture),
                state,
                is_good,
                report.calibrated_at if report else None,
            )
        )
    return rows
