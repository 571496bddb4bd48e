"""The one entrance for inference: a request in, events out.

`generate` asks `planning` what to run and in which order of devices, tries them until one gives its
first token, and hands out a `Generation`. Called by the API families and the console, on the event
loop; nothing here blocks it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from inference import environment, metrics, planning, records, snapshot
from inference.errors import EngineFailed, InferenceError, NoDevice, ServerBusy
from inference.generation import EngineRun, Generation, draft_record
from inference.journal import Journal, RunningRequest
from inference.planning import Plan
from inference.records import RecordDraft
from inference.requests import ChainStep, GenerationRequest, RouteReport
from inference.residency.process import LoadFailed
from inference.residency.residents import Residency, Slot
from inference.router import WORDS, Reason, explain
from inference.snapshot import ModelInfo, Snapshot
from inference.worker.protocol import Chunk, EngineRequest

log = logging.getLogger(__name__)

ECHO_DEVICE = "ECHO"
"""Named as the device of every answer while real inference is switched off."""
TRIES_PER_DEVICE = 2
"""An engine that dies before the first token is loaded once more before the next device's turn."""

residency = Residency()
journal = Journal()


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Where a model was loaded and how long the caller waited for it."""

    device: str
    seconds: float


def resolve_model(name: str) -> ModelInfo:
    """The installed model of that name. Raises InvalidRequest, ModelNotFound or ModelNotReady."""
    return planning.resolve_model(name, snapshot.current())


async def render(request: GenerationRequest) -> str:
    """The prompt as the model would read it; no engine is touched."""
    return await planning.render(request, resolve_model(request.model))


async def generate(request: GenerationRequest) -> Generation:
    """Run that request; returns with the first token, so that status and headers can tell the
    truth.

    Raises InferenceError of any kind. Cancelling it frees everything at once.
    """
    picture = snapshot.current()
    entry = RunningRequest(request.request_id, request.endpoint, request.family, request.model)
    journal.open(entry)
    try:
        plan = await planning.make_plan(request, picture, compiled_folder())
        entry.model = plan.model.name
        return await _try_candidates(request, plan, picture, entry)
    except InferenceError as error:
        _close(draft_record(request, entry.model, route=None, outcome=error.code, error=str(error)))
        raise
    except BaseException:
        journal.running.pop(request.request_id, None)
        raise


async def load(model_name: str, keep_alive_seconds: float | None) -> LoadReport:
    """Load a model where a short prompt would run, and keep it for that long (seconds)."""
    request = GenerationRequest(
        model=model_name,
        family="ollama",
        endpoint="load",
        prompt=" ",
        keep_alive_seconds=keep_alive_seconds,
    )
    picture = snapshot.current()
    plan = await planning.make_plan(request, picture, compiled_folder())
    steps = _passed_over(plan)
    for candidate in plan.route.candidates:
        slot = await _acquire_or_note(request, plan, picture, candidate.device, steps)
        if slot is not None:
            slot.release()
            return LoadReport(candidate.device, slot.load_seconds + slot.queue_seconds)
    raise _no_device(steps)


async def unload(model_name: str) -> None:
    """Unload a model from every device; generations under way finish first."""
    await residency.unload(resolve_model(model_name).name)


def compiled_folder() -> Path:
    """Where NPU and GPU keep what they compiled."""
    return environment.home() / "compiled"


async def _try_candidates(
    request: GenerationRequest, plan: Plan, picture: Snapshot, entry: RunningRequest
) -> Generation:
    steps = _passed_over(plan)
    for candidate in plan.route.candidates:
        for _ in range(TRIES_PER_DEVICE):
            try:
                slot = await _acquire_or_note(request, plan, picture, candidate.device, steps)
                if slot is None:
                    break
                entry.device = candidate.device
                run, first = await _start(
                    slot, _engine_request(request, plan, candidate.capacity), picture
                )
            except EngineFailed as error:
                steps.append(ChainStep(candidate.device, Reason.ENGINE_FAILED, str(error)))
                log.warning("%s: %s on %s", request.request_id, error, candidate.device)
                continue
            steps.append(ChainStep(candidate.device, plan.route.reason))
            route = _report(plan, picture, candidate.device, steps)
            return Generation(
                request, plan.model, route, plan.prompt_ids, run, first, entry, _close
            )
    raise _no_device(steps)


async def _start(
    slot: Slot, request: EngineRequest, picture: Snapshot
) -> tuple[EngineRun, list[Chunk]]:
    """Submit and wait for the first chunk. Whatever goes wrong, the slot is given back."""
    try:
        run = EngineRun(slot, request, timeout_seconds=picture.settings.inference_timeout_seconds)
    except BaseException:
        slot.release()
        raise
    try:
        return run, await run.next_batch()
    except BaseException:
        run.end()
        raise


async def _acquire_or_note(
    request: GenerationRequest,
    plan: Plan,
    picture: Snapshot,
    device_name: str,
    steps: list[ChainStep],
) -> Slot | None:
    """A place on that device's engine, or None with the reason added to `steps`. Raises
    EngineFailed if the engine dies while we wait."""
    device = picture.device(device_name)
    assert device is not None, "candidates come from this picture"
    try:
        return await residency.acquire(
            plan.specs[device_name],
            client=request.client,
            keep_alive_seconds=planning.keep_alive_of(
                request.keep_alive_seconds, plan.model, picture
            ),
            max_engines=device.max_engines,
            max_queued=device.max_queued_requests,
            load_timeout_seconds=picture.settings.load_timeout_seconds,
        )
    except ServerBusy as error:
        steps.append(ChainStep(device_name, Reason.QUEUE_FULL, str(error)))
    except LoadFailed as error:
        steps.append(ChainStep(device_name, Reason.LOAD_FAILED, str(error)))
    return None


def _engine_request(request: GenerationRequest, plan: Plan, capacity: int) -> EngineRequest:
    room = capacity - len(plan.prompt_ids)
    sampling, grammar = plan.sampling, request.grammar
    return EngineRequest(
        number=0,
        ids=list(plan.prompt_ids),
        max_new_tokens=min(sampling.max_tokens or room, room),
        temperature=sampling.temperature or 0.0,
        top_p=sampling.top_p or 1.0,
        top_k=sampling.top_k or 0,
        min_p=sampling.min_p or 0.0,
        seed=sampling.seed or 0,
        repetition_penalty=sampling.repetition_penalty or 1.0,
        presence_penalty=sampling.presence_penalty or 0.0,
        frequency_penalty=sampling.frequency_penalty or 0.0,
        stop=list(sampling.stop or ()),
        # After its end a grammar only makes garbage.
        ignore_eos=bool(sampling.ignore_eos) and grammar is None,
        grammar=(grammar.kind, grammar.text) if grammar else None,
    )


def _passed_over(plan: Plan) -> list[ChainStep]:
    """The devices the router left out, as the chain's first steps."""
    candidates = {candidate.device for candidate in plan.route.candidates}
    return [
        ChainStep(device, reason, WORDS[reason])
        for device, reason in plan.route.passed_over
        if device not in candidates
    ]


def _report(plan: Plan, picture: Snapshot, device: str, steps: list[ChainStep]) -> RouteReport:
    route = plan.route
    reason, execution = str(route.reason), device
    fallback = ""
    if device != route.routed_device:
        over = dict(route.passed_over).get(route.routed_device)
        tried = next((s.reason for s in steps if s.device == route.routed_device and s.error), "")
        fallback = str(over or tried)
    if not picture.settings.real_inference:
        reason, execution = str(Reason.REAL_INFERENCE_OFF), ECHO_DEVICE
        fallback = reason
    info = picture.device(device)
    passed = {name for name, _ in route.passed_over}
    failures = [f"{s.device}: {s.error}" for s in steps if s.error and s.device not in passed]
    return RouteReport(
        routed_device=route.routed_device,
        execution_device=execution,
        reason=reason,
        fallback_reason=fallback,
        prompt_tokens=len(plan.prompt_ids),
        emulated=bool(info and info.emulated),
        explanation=explain(route, len(plan.prompt_ids), plan.rule, execution, failures),
        chain=tuple(steps),
    )


def _no_device(steps: list[ChainStep]) -> InferenceError:
    tried = [step for step in steps if step.reason in set(Reason) and step.error]
    if tried and tried[-1].reason == Reason.QUEUE_FULL:
        return ServerBusy(retry_after_seconds=2)
    if tried and all(step.reason == Reason.ENGINE_FAILED for step in tried[-1:]):
        return EngineFailed(tried[-1].error)
    text = "; ".join(f"{step.device}: {step.error or step.reason}" for step in steps)
    return NoDevice(
        f"no device could run the model ({text})",
        chain=tuple((step.device, str(step.reason)) for step in steps),
    )


def _close(record: RecordDraft) -> None:
    """The end of every request: journal, metrics, record."""
    journal.close(record)
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
