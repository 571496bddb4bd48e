"""What is told of a request afterwards: the route for headers, the record for log and receipt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from inference.keeping import Kept
from inference.planning import Plan
from inference.records import RecordDraft
from inference.requests import ChainStep, GenerationRequest, RouteReport, Timings
from inference.router import Reason, explain
from inference.snapshot import Snapshot

ECHO_DEVICE = "ECHO"
"""Named as the device of every answer while real inference is switched off."""


def report_route(
    plan: Plan, picture: Snapshot, device: str, steps: Sequence[ChainStep]
) -> RouteReport:
    """Where that plan runs, `device` ("" = nowhere), and why. `steps` are the devices that did not
    serve."""
    route = plan.route
    reason, execution = str(route.reason), device
    fallback = ""
    if device != route.routed_device:
        over = dict(route.passed_over).get(route.routed_device)
        failed = [s.reason for s in steps if s.device == route.routed_device and s.error]
        fallback = str(over or (failed[-1] if failed else ""))
    if not picture.settings.real_inference:
        reason, execution = str(Reason.REAL_INFERENCE_OFF), device and ECHO_DEVICE
        fallback = reason
    info = picture.device(device)
    passed = {name for name, _ in route.passed_over}
    failures = [f"{s.device}: {s.error}" for s in steps if s.error and s.device not in passed]
    count = plan.facts.prompt_tokens
    if device:
        explanation = explain(route, count, plan.rule, execution, failures)
    else:
        explanation = f"{count:,} tokens: no device served ({', '.join(failures) or 'yet'})"
    predicted = next((c.predicted_seconds for c in route.candidates if c.device == device), None)
    return RouteReport(
        routed_device=route.routed_device,
        execution_device=execution,
        reason=reason,
        fallback_reason=fallback,
        prompt_tokens=count,
        emulated=bool(info and info.emulated),
        explanation=explanation,
        chain=tuple(steps),
        predicted_seconds=predicted,
    )


def draft_record(
    request: GenerationRequest,
    model: str,
    *,
    route: RouteReport | None,
    outcome: str,
    error: str = "",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    timings: Timings | None = None,
    kept: Kept | None = None,
) -> RecordDraft:
    """The record of a request, however it ended. `route` is None when it never got that far."""
    elapsed = time.perf_counter() - request.received_at
    times = timings or Timings(total=elapsed)
    chain = route.chain if route else ()
    return RecordDraft(
        request_id=request.request_id,
        received_at=datetime.now(UTC) - timedelta(seconds=elapsed),
        family=request.family,
        endpoint=request.endpoint,
        client=request.client,
        model_name=model,
        routed_device=route.routed_device if route else "",
        execution_device=route.execution_device if route else "",
        reason=route.reason if route else "",
        fallback_reason=route.fallback_reason if route else "",
        explanation=route.explanation if route else "",
        chain=[asdict(step) for step in chain],
        devices=list(dict.fromkeys(step.device for step in chain if step.tokens)),
        predicted_seconds=route.predicted_seconds if route else None,
        outcome=str(outcome),
        error=error,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        queue_seconds=times.queue,
        load_seconds=times.load,
        prefill_seconds=times.prefill,
        decode_seconds=times.decode,
        ttft_seconds=times.ttft,
        total_seconds=times.total,
        ignored=list(request.ignored),
        prompt=kept.prompt if kept else None,
        answer=kept.answer if kept else "",
    )
