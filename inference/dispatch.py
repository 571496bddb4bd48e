"""The one entrance for inference: a request in, events out.

`generate` asks `planning` what to run and in which order of devices, has a `Relay` find the first
that gives a token, and hands out a `Generation`. Called by the API families and the console, on the
event loop; nothing here blocks it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from inference import keeping, metrics, planning, records, snapshot
from inference.errors import (
    CapabilityMissing,
    InferenceError,
    ModelNotFound,
    ModelNotReady,
    NoDevice,
    PromptTooLong,
    RequestCancelled,
)
from inference.generation import Generation, Hooks
from inference.journal import Journal, RunningRequest
from inference.prompts import tokens
from inference.prompts.tokens import Spelled
from inference.records import RecordDraft
from inference.relay import Progress, Relay, option_for, patience_of
from inference.reports import draft_record
from inference.requests import DeviceWish, FinishReason, GenerationRequest, Sampling
from inference.residency.compiled import compiled_folder
from inference.residency.placement import NoPlace
from inference.residency.residents import Residency
from inference.residency.spec import EngineSpec
from inference.snapshot import ModelInfo, Snapshot

log = logging.getLogger(__name__)


def _is_pinned(model: str, device: str) -> bool:
    return (model, device) in snapshot.current().pins


residency = Residency(_is_pinned)
journal = Journal()


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Where a model was loaded and how long the caller waited for it."""

    device: str
    seconds: float


def resolve_model(name: str) -> ModelInfo:
    """The installed model of that name. Raises InvalidRequest, ModelNotFound or ModelNotReady."""
    return planning.resolve_model(name, snapshot.current())


def find_model(name: str) -> ModelInfo | None:
    """The installed model of that name, None if there is none that can be used."""
    try:
        return resolve_model(name)
    except (ModelNotFound, ModelNotReady):
        return None


async def render(request: GenerationRequest) -> str:
    """The prompt as the model would read it, whole if no device could take it; no engine is
    touched."""
    picture = snapshot.current()
    model = planning.generator_for(request, picture)
    try:
        plan = await planning.make_plan(request, picture, compiled_folder(), residency.load_of)
        text = plan.prompt.text
    except (PromptTooLong, NoDevice, CapabilityMissing):
        text = (await planning.read_prompt(request, model)).text
    if not request.context_ids:
        return text
    tokenizer = await planning.tokenizer_of(model)
    before: str = tokenizer.decode(list(request.context_ids), skip_special_tokens=False)
    return before + text


async def count_tokens(request: GenerationRequest) -> int:
    """How many tokens the prompt has that the model would read; no engine is touched. Raises
    InferenceError."""
    return await planning.count_prompt(request, snapshot.current())


async def spell(model_name: str, prompt: str | Sequence[int]) -> Spelled:
    """A text or token ids as both, by that model's tokenizer. Raises TokenizerMissing."""
    tokenizer = await planning.tokenizer_of(resolve_model(model_name))
    return await asyncio.to_thread(tokens.spell, tokenizer, prompt)


async def generate(request: GenerationRequest) -> Generation:
    """Run that request; returns with the first token, so that status and headers can tell the
    truth.

    Raises InferenceError of any kind. Cancelling it frees everything at once.
    """
    picture = snapshot.current()
    entry = RunningRequest(
        request.request_id, request.endpoint, request.family, request.model, request.client
    )
    journal.open(entry)
    relay: Relay | None = None
    try:
        with entry.interruption:
            relay = await _relay(request, picture, entry)
            run, first = await relay.run(Progress(grammar=relay.plan.prompt.grammar))
    except InferenceError as error:
        note_end(
            _unserved(relay.request if relay else request, entry, relay, error.code, str(error))
        )
        raise
    except BaseException:  # above all the cancel of a client that left
        note_end(
            _unserved(relay.request if relay else request, entry, relay, FinishReason.CANCELLED, "")
        )
        raise
    return Generation(relay, run, first, entry, _hooks)


def cancel(request_id: str) -> bool:
    """End that request, wherever it is: its client gets RequestCancelled as its protocol says it.
    Whether it was under way."""
    entry = journal.running.get(request_id)
    if entry is None:
        return False
    log.info("%s is cancelled", request_id)
    entry.interruption.interrupt(RequestCancelled())
    return True


async def load(
    model_name: str, keep_alive_seconds: float | None, *, wish: DeviceWish | None = None
) -> LoadReport:
    """Load a model where a short prompt would run, or on the device that is wished for, and keep it
    for that long (seconds)."""
    request = GenerationRequest(
        model=model_name,
        family="ollama",
        endpoint="load",
        prompt=" ",
        keep_alive_seconds=keep_alive_seconds,
        wish=wish,
    )
    entry = RunningRequest(request.request_id, request.endpoint, request.family, request.model)
    relay = await _relay(request, snapshot.current(), entry)
    placement = await relay.place_only()
    slot = placement.slot
    slot.release(was_used=False)
    return LoadReport(placement.option.spec.device, slot.load_seconds + slot.queue_seconds)


async def warm(model_name: str, device_name: str) -> None:
    """Have that pair loaded; returns when it is. Raises InferenceError if the pair cannot be used
    or its load fails."""
    picture = snapshot.current()
    model = resolve_model(model_name)
    facts = {facts.name: facts for facts in planning.device_facts(model, picture)}
    device = picture.device(device_name)
    if device is None or facts[device_name].unusable is not None:
        raise NoDevice(f"{model.name} cannot be loaded on {device_name}")
    spec = planning.spec_of(model, device_name, picture, compiled_folder())
    try:
        placement = await residency.acquire(
            [option_for(spec, device)],
            client="warm-up",
            keep_alive_seconds=planning.keep_alive_of(None, model, picture),
            patience=patience_of(picture),
        )
    except NoPlace as nowhere:
        raise NoDevice("; ".join(passed.text for passed in nowhere.passed)) from None
    placement.slot.release(was_used=False)


def reserve(spec: EngineSpec) -> AbstractAsyncContextManager[None]:
    """Room on the spec's device for an engine of the caller's own. Raises NoDevice."""
    device = snapshot.current().device(spec.device)
    if device is None:
        raise NoDevice(f"there is no device {spec.device}")
    return residency.reserved(option_for(spec, device))


async def close() -> None:
    """End every engine and what runs for dispatch; nothing is left."""
    for task in _tasks:
        task.cancel()
    await residency.close()


async def unload(model_name: str) -> None:
    """Unload a model from every device; generations under way finish first."""
    await residency.unload(model=resolve_model(model_name).name)


async def unload_device(device_name: str) -> None:
    """Unload whatever is on that device; generations under way finish first."""
    await residency.unload(device=device_name)


async def unload_all(name: str) -> None:
    """Unload every engine of a model of that name, whether or not it is still installed."""
    names = {engine.spec.model for engine in residency.engines()}
    for loaded in names:
        if loaded.lower() == name.lower():
            await residency.unload(model=loaded)


async def _relay(request: GenerationRequest, picture: Snapshot, entry: RunningRequest) -> Relay:
    plan = await planning.make_plan(request, picture, compiled_folder(), residency.load_of)
    entry.model = plan.model.name
    request = replace(request, ignored=plan.ignored)
    return Relay(request, plan, picture, residency, entry)


def _unserved(
    request: GenerationRequest,
    entry: RunningRequest,
    relay: Relay | None,
    outcome: str,
    error: str,
) -> RecordDraft:
    """The record of a request that gave no token."""
    return draft_record(
        relay.request if relay else request,
        entry.model,
        route=relay.report("") if relay else None,
        outcome=outcome,
        error=error,
        prompt_tokens=len(relay.plan.prompt_ids) if relay else 0,
        kept=keeping.keep_request(request),
    )


def note_end(record: RecordDraft) -> None:
    """The end of every request: journal, metrics, record."""
    # What is kept of prompts is for the log alone.
    journal.close(replace(record, prompt=None, answer=""))
    records.submit(record)
    if record.execution_device:
        metrics.count_generation(
            model=record.model_name,
            device=record.execution_device,
            total_seconds=record.total_seconds,
            ttft_seconds=record.ttft_seconds,
            decode_seconds=record.decode_seconds,
            tokens=record.completion_tokens,
        )


def _note_garbage(
    model: str, device: str, prompt_ids: tuple[int, ...], sampling: Sampling, what: str
) -> None:
    from inference import second_opinion  # it calls back in

    work = second_opinion.judge(model, device, prompt_ids, sampling, what)
    task = asyncio.get_running_loop().create_task(work, name="second opinion")
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


_tasks: set[asyncio.Task[None]] = set()
_hooks = Hooks(on_end=note_end, on_garbage=_note_garbage)
