"""From a request to everything that is settled before an engine is asked: pure but for tokenising.

The model, the prompt's token ids, the sampling parameters and the route.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tokenizers import Tokenizer

from inference.catalog.names import parse_name, same_model
from inference.catalog.waiting import why_not_ready
from inference.errors import (
    CapabilityMissing,
    InvalidRequest,
    ModelNotFound,
    PromptTooLong,
    TokenizerMissing,
)
from inference.prompts import tokens
from inference.prompts.capabilities import insertion_of
from inference.prompts.planned import VERBATIM, PlannedPrompt, plan_prompt
from inference.prompts.schemas.compiling import Held, grammar_of
from inference.requests import FOREVER, AnswerSchema, GenerationRequest, Need, Sampling
from inference.residency.spec import EngineSpec, engine_spec, lengths, variants_for
from inference.router import (
    DeviceFacts,
    PairLoad,
    Reason,
    RequestFacts,
    Route,
    Rule,
    choose_route,
)
from inference.sampling_limits import settle
from inference.shortening import with_history_that_fits
from inference.snapshot import DeviceInfo, ModelInfo, Snapshot

log = logging.getLogger(__name__)

LoadOf = Callable[[str, str], PairLoad]
"""What the engine of (model's name, device's name) is doing now."""

STATIC_CANNOT = frozenset({Need.SEVERAL_ANSWERS, Need.LOGPROBS, Need.BEAMS, Need.IMAGES})
"""What the static pipeline of an NPU cannot do (OpenVINO GenAI 2026.4, its own errors: one answer
at a time, greedy or sampled; what it returns as log probabilities is the answer's score)."""
MOST_COUNTED_TOKENS = 2**18
"""Beyond any context; counting further would only cost memory."""
_NOTHING: frozenset[Need] = frozenset()
_IMAGES = frozenset({Need.IMAGES})


@dataclass(frozen=True, slots=True)
class Plan:
    """What one request needs. `facts` and `devices` are what the route was chosen on; `ignored` is
    what of the request has no effect; `specs` has an entry for every candidate of the route."""

    model: ModelInfo
    prompt: PlannedPrompt
    prompt_ids: tuple[int, ...]
    sampling: Sampling
    route: Route
    rule: Rule
    facts: RequestFacts
    devices: tuple[DeviceFacts, ...]
    ignored: tuple[str, ...] = ()
    specs: dict[str, tuple[EngineSpec, ...]] = field(default_factory=dict)


def nothing_loaded(model: str, device: str) -> PairLoad:
    """A `LoadOf` for questions that are not about now: every pair is cold and idle."""
    return PairLoad()


def resolve_model(name: str, picture: Snapshot) -> ModelInfo:
    """The installed model of that name, or the one that an alias of that name means; with or
    without its tag, in any case.

    Raises InvalidRequest on a name outside the grammar, ModelNotFound, ModelNotReady.
    """
    if not name:
        raise InvalidRequest("model is required", field="model")
    model = picture.model(parse_name(name).key)
    if model is None:
        raise ModelNotFound(name)
    if model.status != "ready" or not model.variants:
        raise why_not_ready(name if same_model(name, model.name) else model.name)
    return model


def generator_for(request: GenerationRequest, picture: Snapshot) -> ModelInfo:
    """The model of that request. Raises what `resolve_model` does, and CapabilityMissing for one
    that only embeds."""
    model = resolve_model(request.model, picture)
    if not model.generates:
        verb = "generate" if request.messages is None else "chat"
        raise CapabilityMissing(f'"{request.model}" does not support {verb}', capability=verb)
    return model


def keep_alive_of(request_seconds: float | None, model: ModelInfo, picture: Snapshot) -> float:
    """Seconds the engine stays after its last request: the request's wish, else the model's, else
    the server's. Negative means for ever."""
    for seconds in (request_seconds, model.keep_alive_seconds):
        if seconds is not None:
            return FOREVER if seconds < 0 else seconds
    return picture.settings.keep_alive_seconds


async def read_prompt(request: GenerationRequest, model: ModelInfo) -> PlannedPrompt:
    """The prompt's text and what holds the answer to it: a raw prompt verbatim, messages through
    the chat template, once. Raises InvalidRequest."""
    held = await _held_to(request.schema)
    grammar = held.grammar if held else None
    if request.messages is None:
        text = request.prompt or ""
        if request.suffix:
            text = await _insertion_prompt(text, request.suffix, model)
        return replace(VERBATIM, text=text, grammar=grammar)
    tokenizer = await tokenizer_of(model)
    try:
        return await plan_prompt(
            request.messages,
            request.template or model.chat_template,
            tools=request.tools,
            choice=request.tool_choice,
            think=request.think,
            grammar=grammar,
            variables=request.variables,
            special_tokens=tokens.special_tokens(tokenizer, model.facts),
            documents=request.documents,
            continue_final_message=request.continues_last_message,
        )
    except RecursionError:
        raise InvalidRequest("messages or tools are nested too deeply", field="messages") from None


async def _insertion_prompt(before: str, after: str, model: ModelInfo) -> str:
    """The prompt whose answer stands between the two. Raises CapabilityMissing."""
    special = (await tokenizer_of(model)).get_added_tokens_decoder().values()
    insertion = insertion_of(model.name, [token.content for token in special])
    if insertion is None:
        raise CapabilityMissing(f"{model.name} does not support insert", capability="insert")
    return insertion.prompt(before, after)


async def _held_to(schema: AnswerSchema | None) -> Held | None:
    """The grammar of that schema; compiling a large one takes a while."""
    if schema is None:
        return None
    return await asyncio.to_thread(grammar_of, schema.schema, schema.field)


async def _ignored_of(request: GenerationRequest, picture: Snapshot) -> tuple[str, ...]:
    """What of the request has no effect. Raises InvalidRequest where that is not allowed."""
    held, schema = await _held_to(request.schema), request.schema
    left = [f"{schema.field}: {keyword}" for keyword in held.not_held] if held and schema else []
    ignored = tuple(dict.fromkeys((*request.ignored, *left)))
    refuse_ignored(ignored, picture, is_strict=request.is_strict)
    return ignored


def refuse_ignored(ignored: tuple[str, ...], picture: Snapshot, *, is_strict: bool) -> None:
    """Raises InvalidRequest for parameters without effect if the request or the owner wants it."""
    if ignored and (is_strict or picture.settings.strict_parameters):
        raise InvalidRequest(f"without effect here: {', '.join(ignored)}", field=ignored[0])


async def make_plan(
    request: GenerationRequest,
    picture: Snapshot,
    compiled: Path,
    load_of: LoadOf = nothing_loaded,
) -> Plan:
    """Everything settled for that request. Raises InferenceError of every kind but engine
    failures."""
    model = generator_for(request, picture)
    sampling = settle(request.sampling.over(model.preset).over(request.defaults))
    rule = rule_for(model, picture)
    devices = device_facts(model, picture, load_of)
    ignored = await _ignored_of(request, picture)

    async def plan(request: GenerationRequest) -> Plan:
        prompt = await read_prompt(request, model)
        try:
            prompt_ids = await encode_prompt(prompt.text, request, model, devices)
        except tokens.TooManyTokens as error:
            raise PromptTooLong(
                prompt_tokens=error.at_least,
                requested_tokens=sampling.max_tokens or 0,
                limits={d.name: d.longest_prompt for d in devices if not d.unusable},
                at_least=True,
            ) from error
        facts = request_facts(request, len(prompt_ids), sampling, model.num_ctx)
        route = choose_route(facts, devices, rule)
        specs = {c.device: specs_of(model, c.device, picture, compiled) for c in route.candidates}
        return Plan(
            model, prompt, prompt_ids, sampling, route, rule, facts, devices, ignored, specs
        )

    return await with_history_that_fits(request, plan)


async def encode_prompt(
    text: str, request: GenerationRequest, model: ModelInfo, devices: tuple[DeviceFacts, ...]
) -> tuple[int, ...]:
    """The token ids of that request's prompt text, with its context before them.

    Raises InvalidRequest for an empty prompt or a context that is not this model's, TooManyTokens
    for a text that proves longer than any of the devices takes before all of it is read.
    """
    longest = max((device.longest_prompt for device in devices if not device.unusable), default=0)
    tokenizer = await tokenizer_of(model)
    ids = await tokens.encode(tokenizer, text, limit=longest)
    prompt_ids = (*request.context_ids, *ids)
    if not prompt_ids:
        raise InvalidRequest("the prompt is empty", field="prompt")
    _check_vocabulary(request.context_ids, model)
    return prompt_ids


async def count_prompt(request: GenerationRequest, picture: Snapshot) -> int:
    """The number of that request's prompt tokens, whatever any device could hold of them. Raises
    PromptTooLong above MOST_COUNTED_TOKENS, and what a plan would raise for the prompt."""
    model = generator_for(request, picture)
    refuse_ignored(request.ignored, picture, is_strict=request.is_strict)
    prompt = await read_prompt(request, model)
    try:
        ids = await tokens.encode(await tokenizer_of(model), prompt.text, limit=MOST_COUNTED_TOKENS)
    except tokens.TooManyTokens as error:
        devices = device_facts(model, picture)
        raise PromptTooLong(
            prompt_tokens=error.at_least,
            requested_tokens=0,
            limits={d.name: d.longest_prompt for d in devices if not d.unusable},
            at_least=True,
        ) from error
    return len(request.context_ids) + len(ids)


def request_facts(
    request: GenerationRequest, prompt_tokens: int, sampling: Sampling, num_ctx: int | None = None
) -> RequestFacts:
    """The request as the router sees it; `num_ctx` is the model's preset."""
    bound = request.num_ctx or num_ctx
    return RequestFacts(prompt_tokens, sampling.max_tokens, bound, request.needs, request.wish)


def spec_of(model: ModelInfo, device_name: str, picture: Snapshot, compiled: Path) -> EngineSpec:
    """The engine to load for that pair, both known to exist."""
    return specs_of(model, device_name, picture, compiled)[0]


def specs_of(
    model: ModelInfo, device_name: str, picture: Snapshot, compiled: Path
) -> tuple[EngineSpec, ...]:
    """The engines that can be loaded for that pair, best first: one for each variant, so that a
    spoiled one is not the end."""
    device = picture.device(device_name)
    variants = variants_for(model, device) if device else ()
    assert device is not None, "the router offers only devices of this picture"
    assert variants, "the router offers only devices with a variant"
    passport = picture.passports.get((model.name, device.name))
    routing, settings = picture.routing, picture.settings
    return tuple(
        engine_spec(model, variant, device, routing, settings, compiled, passport)
        for variant in variants
    )


async def tokenizer_of(model: ModelInfo) -> Tokenizer:
    """The model's tokenizer, from the first variant that has it whole. Raises TokenizerMissing."""
    for variant in model.variants:
        try:
            return await tokens.tokenizer_of(variant.folder)
        except Exception as error:  # the library raises its own bare Exception on a spoiled file
            log.warning("a tokenizer of %s cannot be read: %s", model.name, error)
    raise TokenizerMissing("the model's tokenizer cannot be read")


def rule_for(model: ModelInfo, picture: Snapshot) -> Rule:
    """The owner's rule, with the model's own threshold if it has one."""
    routing = picture.routing
    return Rule(
        routing.preferred_device,
        routing.fallback_device,
        model.token_limit or routing.token_limit,
        routing.mode,
    )


def device_facts(
    model: ModelInfo, picture: Snapshot, load_of: LoadOf = nothing_loaded
) -> tuple[DeviceFacts, ...]:
    """Every device row as the router sees it for this model."""
    found = []
    for device in picture.devices:
        longest, capacity = lengths(model, device, picture.routing)
        found.append(
            DeviceFacts(
                device.name,
                device.priority,
                longest,
                capacity,
                _unusable(model, device),
                _cannot(model, device),
                picture.passports.get((model.name, device.name)),
                load_of(model.name, device.name),
            )
        )
    return tuple(found)


def _cannot(model: ModelInfo, device: DeviceInfo) -> frozenset[Need]:
    sightless = _NOTHING if "vision" in model.capabilities else _IMAGES
    return STATIC_CANNOT if device.device_class == "NPU" else sightless


def _unusable(model: ModelInfo, device: DeviceInfo) -> Reason | None:
    if not device.enabled:
        return Reason.DEVICE_DISABLED
    if not device.present and not device.emulated:
        return Reason.DEVICE_ABSENT
    if not variants_for(model, device):
        return Reason.VARIANT_MISSING
    return None


def _check_vocabulary(ids: tuple[int, ...], model: ModelInfo) -> None:
    """The engine takes any number for a token id and answers garbage."""
    size = int(model.facts.get("vocab_size") or 0)
    if any(token < 0 or (size and token >= size) for token in ids):
        raise InvalidRequest(
            "context holds a number that is no token of this model", field="context"
        )
