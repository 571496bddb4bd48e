"""What would happen to a request, and why, for every device: a dry run that touches no engine.

Called for `POST /api/npu/route` and by the console; the same facts and the same decision as
`planning.make_plan`, told instead of acted on.
"""

from __future__ import annotations

from dataclasses import dataclass

from inference import planning
from inference.errors import TokenizerMissing
from inference.planning import LoadOf, nothing_loaded
from inference.prompts import tokens
from inference.prompts.estimate import estimate_tokens
from inference.requests import GenerationRequest
from inference.router import (
    Assessment,
    Rule,
    Verdict,
    assess,
    candidates_of,
    explain,
    refusal_of,
    route_of,
)
from inference.sampling_limits import settle
from inference.snapshot import ModelInfo, Snapshot


@dataclass(frozen=True, slots=True)
class DevicePreview:
    """One device's part. Lengths are tokens.

    `place` is its turn among the devices to try, from 1; None if it would not be tried. `reason` is
    the router's reason against it ("" = nothing speaks against it), `words` tell a person. `limit`
    is the longest prompt it would take of this request, `capacity` what prompt and answer may have
    together; `verified_prompt_tokens` comes from its passport (0 = no passport).
    `predicted_seconds` is from receipt to the last token as things stand, None without a passport.
    `state` is "cold", "loading" or "ready"; `running` and `queued` are requests.
    """

    device: str
    emulated: bool
    place: int | None
    reason: str
    words: str
    limit: int
    capacity: int
    verified_prompt_tokens: int
    predicted_seconds: float | None
    state: str
    running: int
    queued: int

    @property
    def would_run(self) -> bool:
        """Whether it is the device that would be tried first."""
        return self.place == 1


@dataclass(frozen=True, slots=True)
class Preview:
    """The decision on a request. Lengths are tokens.

    `prompt_tokens` is exact unless `is_exact` is False: the model's tokenizer is not there, or the
    prompt is so long that it was not read to its end ("at least"). `requested_tokens` None means as
    many as the model wants. `mode` is the one in force ("measured" needs two passports).
    `device` is where it would run, `routed_device` what the rule picks where everything works,
    `reason` why; `explanation` tells a person. If it would be refused, `device` is "", and
    `refusal_code` and `refusal` say what the client would be told.
    """

    model: str
    prompt_tokens: int
    is_exact: bool
    requested_tokens: int | None
    mode: str
    token_limit: int
    device: str
    routed_device: str
    reason: str
    explanation: str
    devices: tuple[DevicePreview, ...]
    refusal_code: str = ""
    refusal: str = ""


async def preview(
    request: GenerationRequest, picture: Snapshot, load_of: LoadOf = nothing_loaded
) -> Preview:
    """What would happen to that request. Raises InvalidRequest, ModelNotFound, ModelNotReady, and
    CapabilityMissing for an encoder; every other refusal is part of the answer. Blocks like
    tokenising does, loads nothing."""
    model = planning.generator_for(request, picture)
    sampling = settle(request.sampling.over(model.preset).over(request.defaults))
    rule = planning.rule_for(model, picture)
    devices = planning.device_facts(model, picture, load_of)
    is_exact = True
    try:
        prompt = await planning.read_prompt(request, model)
        count = len(await planning.encode_prompt(prompt.text, request, model, devices))
    except tokens.TooManyTokens as error:
        count, is_exact = error.at_least, False
    except TokenizerMissing:
        count, is_exact = _estimated(request, model), False
    facts = planning.request_facts(request, count, sampling, model.num_ctx)
    return _told(assess(facts, devices, rule), model, rule, picture, is_exact=is_exact)


def answers_meanwhile(told: Preview, picture: Snapshot, load_of: LoadOf) -> str | None:
    """The device that would answer just now although another one comes first, if there is one:
    while a pair loads, or has no place free, the next one that is ready serves."""
    turns = sorted((d for d in told.devices if d.place), key=lambda device: device.place or 0)
    for number, turn in enumerate(turns):
        load, row = load_of(told.model, turn.device), picture.device(turn.device)
        if load.state != "ready":
            continue
        if load.running < load.places:
            return turn.device if number else None
        if row is not None and row.overflow != "next":
            return None
    return None


def _told(
    assessment: Assessment, model: ModelInfo, rule: Rule, picture: Snapshot, *, is_exact: bool
) -> Preview:
    places = {v.device.name: n for n, v in enumerate(candidates_of(assessment), start=1)}
    count = assessment.request.prompt_tokens
    route, refusal, device = route_of(assessment), None, ""
    if route is None:
        refusal = refusal_of(assessment)
        explanation = f"{count:,} tokens: refused, {refusal.message}"
    else:
        device = route.candidates[0].device
        explanation = explain(route, count, rule, device)
    return Preview(
        model=model.name,
        prompt_tokens=count,
        is_exact=is_exact,
        requested_tokens=assessment.request.requested_tokens,
        mode=assessment.mode,
        token_limit=rule.token_limit,
        device=device,
        routed_device=assessment.routed_device,
        reason=str(assessment.reason),
        explanation=explanation,
        devices=tuple(
            _device_preview(verdict, places.get(verdict.device.name), picture)
            for verdict in assessment.verdicts
        ),
        refusal_code=refusal.code if refusal else "",
        refusal=refusal.message if refusal else "",
    )


def _device_preview(verdict: Verdict, place: int | None, picture: Snapshot) -> DevicePreview:
    facts = verdict.device
    row = picture.device(facts.name)
    would = "would run here" if place == 1 else f"would be tried as number {place}"
    if place is None:
        words = verdict.words
    elif verdict.words:
        words = f"{would}: {verdict.words}"
    else:
        words = would
    return DevicePreview(
        device=facts.name,
        emulated=bool(row and row.emulated),
        place=place,
        reason=str(verdict.reason or ""),
        words=words,
        limit=max(0, verdict.prompt_limit),
        capacity=verdict.capacity,
        verified_prompt_tokens=facts.passport.verified_prompt_tokens if facts.passport else 0,
        predicted_seconds=verdict.predicted_seconds,
        state=facts.load.state,
        running=facts.load.running,
        queued=facts.load.queued,
    )


def _estimated(request: GenerationRequest, model: ModelInfo) -> int:
    """The prompt's length without the model's tokenizer and so without its chat template."""
    texts = [message.content for message in request.messages or ()] or [request.prompt or ""]
    size = int(model.facts.get("vocab_size") or 0) or None
    return len(request.context_ids) + estimate_tokens("\n".join(texts), vocabulary_size=size)
