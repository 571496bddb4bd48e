"""Any prompt, and what would happen to it: the page's form turned into the API's dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apis.conversation import with_preset_system
from inference import planning, previews, snapshot, status
from inference.changes import Checked
from inference.drafts import with_changes
from inference.errors import InferenceError
from inference.previews import DevicePreview, Preview
from inference.requests import GenerationRequest, Message, Sampling
from inference.router import Reason
from inference.snapshot import Snapshot
from npuconsole.console.routing.diagram import hue_of

MOST_ANSWER_TOKENS = 1_000_000


class NotADryRun(Exception):
    """What is wrong with the form, in words."""


@dataclass(frozen=True, slots=True)
class DeviceTurn:
    """One device's part, in words."""

    name: str
    hue: str
    is_emulated: bool
    is_absent: bool
    would_run: bool
    words: str
    state: str
    predicted: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """One decision. `meanwhile` is the device that would answer just now in the place of the one
    that is still loading or busy, "" if that is the same."""

    title: str
    told: Preview
    meanwhile: str
    count: str
    hue: str
    is_emulated: bool
    words: str
    seconds_words: str
    devices: tuple[DeviceTurn, ...]


async def dry_runs(
    data: Mapping[str, Any], client: str, pending: list[Checked]
) -> tuple[DryRun, ...]:
    """The decision by the rule in force, and by the edited one if anything is pending. Runs on the
    server's loop; loads nothing. Raises NotADryRun."""
    prompt = str(data.get("prompt") or "")
    model = str(data.get("model") or "")
    if not prompt.strip():
        raise NotADryRun("")
    request = GenerationRequest(
        model=model,
        family="console",
        endpoint="console/routing",
        client=client,
        messages=(Message("user", prompt),),
        sampling=Sampling(max_tokens=_answer_tokens(str(data.get("answer_tokens") or ""))),
    )
    picture = snapshot.current()
    try:
        found = [await _told("The rule in force", request, picture)]
        if pending:
            edited = with_changes(picture, pending)
            found.append(await _told("With your changes", request, edited))
    except InferenceError as error:
        raise NotADryRun(error.message) from None
    return tuple(found)


async def _told(title: str, request: GenerationRequest, picture: Snapshot) -> DryRun:
    model = planning.generator_for(request, picture)
    messages = with_preset_system(list(request.messages or ()), model)
    asked = GenerationRequest(
        model=request.model,
        family=request.family,
        endpoint=request.endpoint,
        client=request.client,
        messages=messages,
        sampling=request.sampling,
    )
    told = await previews.preview(asked, picture, status.load_of)
    chosen = next((device for device in told.devices if device.would_run), None)
    return DryRun(
        title=title,
        told=told,
        meanwhile=previews.answers_meanwhile(told, picture, status.load_of) or "",
        count=f"{told.prompt_tokens:,}",
        hue=hue_of(told.device),
        is_emulated=bool(chosen and chosen.emulated),
        words=_sentence(told.explanation.partition(": ")[2] if chosen else told.refusal),
        seconds_words=_predicted(chosen.predicted_seconds) if chosen else "",
        devices=tuple(_turn(device) for device in told.devices),
    )


def _turn(device: DevicePreview) -> DeviceTurn:
    state = {"cold": "not loaded"}.get(device.state, device.state)
    if device.running or device.queued:
        state += f", {device.running} running, {device.queued} queued"
    return DeviceTurn(
        device.device,
        hue_of(device.device),
        device.emulated,
        device.reason == Reason.DEVICE_ABSENT,
        device.would_run,
        _sentence(device.words),
        state if device.place else "",
        _predicted(device.predicted_seconds) or ("no passport" if device.place else ""),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _predicted(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    return f"{seconds / 60:.1f}\N{NO-BREAK SPACE}min"


def _answer_tokens(text: str) -> int | None:
    text = text.strip().replace(",", "")
    if not text:
        return None
    if not text.isdigit() or not 1 <= int(text) <= MOST_ANSWER_TOKENS:
        raise NotADryRun("The answer's limit is a whole number of tokens, or empty.")
    return int(text)
