"""What is settled before an encoder is asked: the model, and the devices in their order.

The router's rule with the owner's embedding device in the place of the preferred one; the CPU is
next, and then the others.
"""

from __future__ import annotations

from dataclasses import replace

from inference import planning
from inference.catalog.names import parse_name
from inference.embeddings.request import EmbeddingRequest
from inference.errors import CapabilityMissing
from inference.planning import LoadOf, Plan
from inference.prompts.planned import VERBATIM
from inference.requests import DeviceWish, GenerationRequest, Sampling
from inference.residency.compiled import compiled_folder
from inference.router import RequestFacts, Rule, choose_route
from inference.snapshot import ModelInfo, Snapshot

SHORTEST = 3
"""Two special tokens and one of the text."""


def default_model(picture: Snapshot) -> str:
    """The owner's model for requests that name none; "" when it is not installed."""
    wanted = picture.settings.embedding_model
    return wanted if picture.model(parse_name(wanted).key) is not None else ""


def find_encoder(name: str, picture: Snapshot) -> ModelInfo:
    """The encoder of that name. Raises what `planning.resolve_model` does, and CapabilityMissing
    for a model of another kind."""
    model = planning.resolve_model(name, picture)
    if "embedding" not in model.capabilities:
        raise CapabilityMissing(f'"{name}" does not support embeddings', capability="embedding")
    return model


def longest_of(model: ModelInfo, num_ctx: int | None) -> int:
    """Tokens of a text that count. Clients send odd bounds: none makes a text empty."""
    return min(model.context_length, max(SHORTEST, num_ctx or model.context_length))


def plan_for(
    model: ModelInfo,
    picture: Snapshot,
    load_of: LoadOf,
    *,
    prompt_tokens: int,
    wish: DeviceWish | None,
) -> Plan:
    """The plan for texts of so many tokens together. Raises NoDevice, and InvalidRequest for a wish
    that is no device."""
    longest = model.context_length
    # A text is cut to the encoder's length before, so every device holds it; nothing is answered,
    # but the rule keeps room for one token of an answer.
    devices = tuple(
        replace(facts, longest_prompt=longest, capacity=longest + 1)
        for facts in planning.device_facts(model, picture, load_of)
    )
    rule = Rule(picture.settings.embedding_device, "CPU", longest)
    route = choose_route(RequestFacts(longest, None, wish=wish), devices, rule)
    folder = compiled_folder()
    specs = {
        c.device: planning.specs_of(model, c.device, picture, folder) for c in route.candidates
    }
    facts = RequestFacts(prompt_tokens, None, wish=wish)
    return Plan(model, VERBATIM, (), Sampling(), route, rule, facts, devices, specs=specs)


def as_asked(request: EmbeddingRequest) -> GenerationRequest:
    """The request as the relay and the records know requests."""
    return GenerationRequest(
        model=request.model,
        family=request.family,
        endpoint=request.endpoint,
        request_id=request.request_id,
        client=request.client,
        prompt="",
        keep_alive_seconds=request.keep_alive_seconds,
        ignored=request.ignored,
        wish=request.wish,
        is_streamed=False,
        received_at=request.received_at,
    )
