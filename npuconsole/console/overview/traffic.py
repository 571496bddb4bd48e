"""What is asked of the machine: the requests under way, those that ended, and where they could not
run as wanted. Pure: from what the server knows to rows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inference.router import WORDS, Reason
from npuconsole.console.words import describe_outcome

if TYPE_CHECKING:
    from inference.journal import RunningRequest
    from inference.records import RecordDraft
    from inference.status import EngineStatus, Waiting

DECISIONS_SHOWN = 12
RUNNING_SHOWN = 20
FALLBACKS_SHOWN = 5
FEWEST_TOKENS_FOR_A_RATE = 8
WORTH_TELLING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RunningRow:
    """One request under way. `device` is "" while it waits; `words` say what it does now."""

    id: str
    since: int
    family: str
    endpoint: str
    client: str
    model: str
    device: str
    emulated: bool
    tokens: int
    words: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One finished request: where it ran and why, in words. `slow_words` say what most of a long
    time was spent on, "" where there is nothing to tell."""

    id: str
    at: int
    family: str
    endpoint: str
    model: str
    device: str
    emulated: bool
    fell_back: bool
    words: str
    outcome: str
    outcome_words: str
    completion_tokens: int
    ttft_seconds: float
    total_seconds: float
    tokens_per_second: float | None
    slow_words: str


@dataclass(frozen=True, slots=True)
class FallbackRow:
    """Requests of late that were routed to one device and ran on another for the same reason.
    `id` and `at` are those of the last one."""

    id: str
    at: int
    routed: str
    device: str
    emulated: bool
    words: str
    count: int


def draw_running(
    requests: Sequence[RunningRequest],
    waiting: Sequence[Waiting],
    engines: Sequence[EngineStatus],
    emulated: Mapping[str, bool],
) -> tuple[RunningRow, ...]:
    """The oldest requests under way."""
    lines = {one.request_id: one for one in waiting}
    loads = {engine.model: engine.device for engine in engines if engine.state == "loading"}
    return tuple(
        RunningRow(
            id=request.request_id,
            since=milliseconds(request.since),
            family=request.family,
            endpoint=request.endpoint,
            client=request.client,
            model=request.model,
            device=request.device,
            emulated=emulated.get(request.device, False),
            tokens=request.tokens,
            words=_doing(request, lines.get(request.request_id), loads.get(request.model, "")),
        )
        for request in requests[:RUNNING_SHOWN]
    )


def _doing(request: RunningRequest, line: Waiting | None, loads_on: str) -> str:
    if request.tokens:
        return "answering"
    if request.device:
        return "reading the prompt"
    if loads_on:
        return f"waiting while {loads_on} loads the model"
    if line is not None:
        return f"place {line.position} in line, about {max(1, round(line.seconds))}\u00a0s"
    return "looking for a device"


def draw_decisions(
    decisions: Sequence[RecordDraft], emulated: Mapping[str, bool]
) -> tuple[DecisionRow, ...]:
    """The last requests that ended, newest first as they came."""
    return tuple(
        DecisionRow(
            id=decision.request_id,
            at=_ended_at(decision),
            family=decision.family,
            endpoint=decision.endpoint,
            model=decision.model_name,
            device=decision.execution_device,
            emulated=emulated.get(decision.execution_device, False),
            fell_back=bool(decision.fallback_reason),
            words=decision.explanation or decision.error or "No device was chosen.",
            outcome=decision.outcome,
            outcome_words=describe_outcome(decision.outcome, decision.error),
            completion_tokens=decision.completion_tokens,
            ttft_seconds=round(decision.ttft_seconds, 3),
            total_seconds=round(decision.total_seconds, 2),
            tokens_per_second=decode_rate(decision),
            slow_words=describe_slowness(decision),
        )
        for decision in decisions[:DECISIONS_SHOWN]
    )


def draw_fallbacks(
    decisions: Sequence[RecordDraft], emulated: Mapping[str, bool]
) -> tuple[FallbackRow, ...]:
    """Fallbacks among those requests, alike ones together, the latest kind first."""
    kinds: dict[tuple[str, str, str], list[RecordDraft]] = {}
    for decision in decisions:
        if decision.fallback_reason:
            key = decision.routed_device, decision.execution_device, decision.fallback_reason
            kinds.setdefault(key, []).append(decision)
    return tuple(
        FallbackRow(
            id=alike[0].request_id,
            at=_ended_at(alike[0]),
            routed=routed,
            device=device,
            emulated=emulated.get(device, False),
            words=describe_fallback(routed, device, reason),
            count=len(alike),
        )
        for (routed, device, reason), alike in list(kinds.items())[:FALLBACKS_SHOWN]
    )


def describe_fallback(routed: str, device: str, reason: str) -> str:
    """Why requests for one device ran on another, in a sentence."""
    known = reason in Reason.__members__.values()
    why = WORDS[Reason(reason)] if known else reason.replace("_", " ")
    where = f"so {device} answered" if device else "and no other device could answer"
    return f"{routed or 'The first device'}: {why}, {where}."


def describe_slowness(decision: RecordDraft) -> str:
    """What more than half of a long request was spent on, other than writing the answer."""
    parts = {
        "waiting in line": decision.queue_seconds,
        "waiting for the model to load": decision.load_seconds,
        "reading the prompt": decision.prefill_seconds,
    }
    words, seconds = max(parts.items(), key=lambda part: part[1])
    if seconds < WORTH_TELLING_SECONDS or seconds < decision.total_seconds / 2:
        return ""
    return f"{seconds:.1f}\u00a0s of it {words}"


def decode_rate(decision: RecordDraft) -> float | None:
    """Decode speed; None where there were too few tokens to speak of one."""
    if decision.completion_tokens < FEWEST_TOKENS_FOR_A_RATE or decision.decode_seconds <= 0:
        return None
    return round((decision.completion_tokens - 1) / decision.decode_seconds, 3)


def milliseconds(moment: datetime) -> int:
    """A point in time as browsers count."""
    return int(moment.timestamp() * 1000)


def _ended_at(decision: RecordDraft) -> int:
    return milliseconds(decision.received_at + timedelta(seconds=decision.total_seconds))
