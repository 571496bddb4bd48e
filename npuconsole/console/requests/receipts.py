"""One request of the log in words: its line in the list, and its receipt. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inference.models import RequestRecord
from inference.records import RecordDraft
from inference.router import WORDS, Reason
from npuconsole.console import figures
from npuconsole.console.requests.filters import FAMILIES
from npuconsole.console.words import describe_error, describe_outcome

FEWEST_TOKENS_FOR_A_RATE = 8
BAR_UNITS = 1000
"""The whole width of a bar; its parts' places and widths are whole numbers of these."""
_SHORT = 60
"""Characters of an error that can stand where its reason does."""
_THIN = 4
"""Units below which a part would not be seen."""
_PARTS = (
    ("queue", "waiting in line"),
    ("load", "loading the model"),
    ("prefill", "reading the prompt"),
    ("decode", "writing the answer"),
    ("other", "everything else"),
)
_ENDED_WELL = ("stop", "length")


Recorded = RequestRecord | RecordDraft
"""A row of the log, or one that is about to be."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a request's time. `start` and `width` are units of BAR_UNITS."""

    name: str
    words: str
    amount: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device as a chip shows it; `name` "" where there is none."""

    name: str
    emulated: bool = False
    present: bool = True

    @property
    def hue(self) -> str:
        """npu, gpu or cpu."""
        return self.name.partition(".")[0].lower()


@dataclass(frozen=True, slots=True)
class Line:
    """One request in the list. `mood` is good, note or bad; `moment` milliseconds since 1970."""

    id: str
    moment: int
    ago: str
    absolute: str
    model: str
    device: Device
    instead_of: str
    why: str
    mood: str
    outcome: str
    family: str
    endpoint: str
    client: str
    prompt_tokens: str
    completion_tokens: str
    total: str
    speed: str
    bar: tuple[Part, ...]
    bar_words: str


@dataclass(frozen=True, slots=True)
class Step:
    """One device of the chain. `mood` is good where it served, bad where it failed or was passed
    over."""

    device: Device
    mood: str
    words: str
    error: str
    tokens: str


def line_of(record: Recorded, now: datetime, emulated: frozenset[str]) -> Line:
    """A request's line in the list."""
    device = record.execution_device
    bar = timeline(record)
    return Line(
        id=record.request_id,
        moment=int(record.received_at.timestamp() * 1000),
        ago=figures.ago(record.received_at, now),
        absolute=figures.absolute(record.received_at),
        model=record.model_name,
        device=Device(device, device in emulated),
        instead_of=record.routed_device if record.routed_device != device else "",
        why=why_of(record),
        mood=mood_of(record.outcome),
        outcome=describe_outcome(record.outcome, record.error) or "finished",
        family=FAMILIES.get(record.family, record.family),
        endpoint=record.endpoint,
        client=record.client,
        prompt_tokens=f"{record.prompt_tokens:,}",
        completion_tokens=f"{record.completion_tokens:,}",
        total=figures.seconds(record.total_seconds),
        speed=figures.rate(speed) if (speed := speed_of(record)) else "",
        bar=bar,
        bar_words=", ".join(f"{part.words} {part.amount}" for part in bar),
    )


def why_of(record: Recorded) -> str:
    """Why it ran where it ran, or why nowhere."""
    error = describe_error(record.outcome, record.error) if record.error else ""
    return record.explanation or error or "No device was chosen."


def mood_of(outcome: str) -> str:
    """Whether that end is good, a note (the client left), or bad."""
    if outcome in _ENDED_WELL:
        return "good"
    return "note" if outcome == "cancelled" else "bad"


def speed_of(record: Recorded) -> float | None:
    """Tokens per second of the answer; None where there are too few to speak of one."""
    if record.completion_tokens < FEWEST_TOKENS_FOR_A_RATE or record.decode_seconds <= 0:
        return None
    return (record.completion_tokens - 1) / record.decode_seconds


def timeline(record: Recorded) -> tuple[Part, ...]:
    """What the time went into, in its order; what nobody measured comes last."""
    times = {
        "queue": record.queue_seconds,
        "load": record.load_seconds,
        "prefill": record.prefill_seconds,
        "decode": record.decode_seconds,
    }
    known = sum(times.values())
    times["other"] = max(0.0, record.total_seconds - known)
    whole = max(known, record.total_seconds)
    if whole <= 0:
        return ()
    shown = [(name, words) for name, words in _PARTS if times[name] >= 0.0005]
    widths = [max(_THIN, round(times[name] / whole * BAR_UNITS)) for name, _ in shown]
    if not widths:
        return ()
    # What thin parts were given more than their due is taken from the widest.
    widths[widths.index(max(widths))] += BAR_UNITS - sum(widths)
    starts = [sum(widths[:place]) for place in range(len(widths))]
    return tuple(
        Part(name, words, figures.seconds(times[name]), start, width)
        for (name, words), start, width in zip(shown, starts, widths, strict=True)
    )


def chain_of(chain: Sequence[Mapping[str, Any]], emulated: frozenset[str]) -> tuple[Step, ...]:
    """Every device that was considered or tried, in order."""
    steps = []
    for step in chain:
        device, error = str(step.get("device", "")), str(step.get("error", ""))
        words = _reason_words(str(step.get("reason", "")))
        if error and len(error) <= _SHORT:  # it says the same with numbers
            words, error = error, ""
        tokens = int(step.get("tokens", 0))
        steps.append(
            Step(
                device=Device(device, device in emulated),
                mood="bad" if step.get("error") else "good",
                words=words,
                error=error,
                tokens=figures.counted(tokens, "token") if tokens else "",
            )
        )
    return tuple(steps)


def _reason_words(reason: str) -> str:
    """A reason for people; one that an older version wrote stands for itself."""
    return WORDS[Reason(reason)] if reason in set(Reason) else reason.replace("_", " ")
