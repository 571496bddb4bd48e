"""The entrance for embeddings: texts in, vectors out.

Called by the API families, on the event loop; nothing here holds it for long.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inference import dispatch, keeping, metrics, snapshot
from inference.embeddings import planning
from inference.embeddings.cache import Key, Known, VectorCache, key_of
from inference.embeddings.request import EmbeddingRequest, Embeddings
from inference.embeddings.texts import Ids, Shape, encode_inputs
from inference.errors import InferenceError
from inference.journal import RunningRequest
from inference.planning import refuse_ignored, tokenizer_of
from inference.relay import Relay
from inference.reports import draft_record
from inference.requests import FinishReason, Timings
from inference.snapshot import ModelInfo, Snapshot

if TYPE_CHECKING:
    from inference.embeddings.computing import Computed

IN_THREAD_ABOVE_VECTORS = 256
"""Putting so many into their form takes about a millisecond."""
LOOKUPS_A_TURN = 256

cache = VectorCache()


def default_model() -> str:
    """The owner's model for requests that name none; "" when it is not installed."""
    return planning.default_model(snapshot.current())


def find_encoder(name: str) -> ModelInfo:
    """The encoder of that name. Raises InvalidRequest, ModelNotFound, ModelNotReady, or
    CapabilityMissing for a model that only generates."""
    return planning.find_encoder(name, snapshot.current())


async def embed(request: EmbeddingRequest) -> Embeddings:
    """The vectors of a request's inputs.

    Raises InferenceError of any kind. Cancelling it gives everything back at once.
    """
    picture = snapshot.current()
    entry = RunningRequest(
        request.request_id, request.endpoint, request.family, request.model, request.client
    )
    dispatch.journal.open(entry)
    relay: Relay | None = None
    try:
        model = planning.find_encoder(request.model, picture)
        entry.model = model.name
        refuse_ignored(request.ignored, picture, is_strict=request.is_strict)
        with entry.interruption:
            texts = await _read(request, model)
            relay = _relay(request, model, picture, entry, prompt_tokens=sum(map(len, texts)))
            embeddings = await _embed(request, model, picture, relay, texts)
    except InferenceError as error:
        _note_unserved(request, entry, relay, error.code, str(error))
        raise
    except BaseException:  # above all the cancel of a client that left
        _note_unserved(request, entry, relay, FinishReason.CANCELLED, "")
        raise
    record = draft_record(
        planning.as_asked(request),
        entry.model,
        route=embeddings.route,
        outcome=FinishReason.STOP,
        prompt_tokens=embeddings.prompt_tokens,
        timings=embeddings.timings,
        kept=keeping.keep_inputs(request.client, request.inputs),
    )
    dispatch.note_end(record)
    metrics.count_embeddings(model.name, len(request.inputs), embeddings.cached)
    return embeddings


async def load(request: EmbeddingRequest) -> tuple[str, Timings]:
    """Load the request's model where it would embed, and keep it as long as the request says; its
    inputs are not read. Returns the device and what the load took."""
    picture = snapshot.current()
    model = planning.find_encoder(request.model, picture)
    entry = RunningRequest(request.request_id, request.endpoint, request.family, model.name)
    placement = await _relay(request, model, picture, entry, prompt_tokens=0).place_only()
    slot = placement.slot
    slot.release(was_used=False)
    times = Timings(
        queue=slot.queue_seconds,
        load=slot.load_seconds,
        total=time.perf_counter() - request.received_at,
    )
    return placement.option.spec.device, times


async def _read(request: EmbeddingRequest, model: ModelInfo) -> list[Ids]:
    """The inputs as the encoder reads them."""
    shape = Shape.of(model.facts, planning.longest_of(model, request.num_ctx))
    tokenizer = await tokenizer_of(model)
    return await encode_inputs(tokenizer, request.inputs, shape, truncate=request.truncate)


async def _embed(
    request: EmbeddingRequest,
    model: ModelInfo,
    picture: Snapshot,
    relay: Relay,
    texts: Sequence[Ids],
) -> Embeddings:
    prompt_tokens = relay.plan.facts.prompt_tokens
    known, keys = await _look_up(texts, model.digest, picture.settings.embedding_cache_size)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    computing = await _numbers("computing")
    computed: Computed = computing.Computed()
    if missing or request.keep_alive_seconds is not None:
        # A wish about the model's stay is followed even if its vectors are all here.
        computed = await computing.compute_vectors(relay, list(missing.values()), picture.settings)
        for place, key in enumerate(missing):
            known[key] = computed.found[place]
            cache.keep(key, known[key], picture.settings.embedding_cache_size)
    vectors = (await _numbers("vectors")).in_wanted_form
    rows = [known[key].vector for key in keys]
    form = {"dimensions": request.dimensions, "is_normalised": request.is_normalised}
    if len(rows) > IN_THREAD_ABOVE_VECTORS:
        whole = await asyncio.to_thread(vectors, rows, **form)
    else:
        whole = vectors(rows, **form)
    # With nothing left to compute, the vectors' own device is what can truly be told.
    device = computed.device or known[keys[0]].device
    elapsed = time.perf_counter() - request.received_at
    return Embeddings(
        whole,
        prompt_tokens,
        sum(key not in missing for key in keys),
        relay.report(device),
        Timings(
            queue=computed.queue,
            load=computed.load,
            prefill=computed.engine,
            ttft=elapsed,
            total=elapsed,
        ),
    )


async def _look_up(
    texts: Sequence[Ids], digest: str, capacity: int
) -> tuple[dict[Key, Known], list[Key]]:
    """What is known already, and every text's key in order."""
    known: dict[Key, Known] = {}
    keys: list[Key] = []
    for place, ids in enumerate(texts, start=1):
        key = key_of(digest, ids)
        keys.append(key)
        if key not in known and (found := cache.find(key, capacity)) is not None:
            known[key] = found
        if place % LOOKUPS_A_TURN == 0:
            await asyncio.sleep(0)
    return known, keys


def _relay(
    request: EmbeddingRequest,
    model: ModelInfo,
    picture: Snapshot,
    entry: RunningRequest,
    prompt_tokens: int,
) -> Relay:
    plan = planning.plan_for(
        model,
        picture,
        dispatch.residency.load_of,
        prompt_tokens=prompt_tokens,
        wish=request.wish,
    )
    return Relay(planning.as_asked(request), plan, picture, dispatch.residency, entry)


def _note_unserved(
    request: EmbeddingRequest, entry: RunningRequest, relay: Relay | None, outcome: str, error: str
) -> None:
    record = draft_record(
        planning.as_asked(request),
        entry.model,
        route=relay.report("") if relay else None,
        outcome=outcome,
        error=error,
        prompt_tokens=relay.plan.facts.prompt_tokens if relay else 0,
        kept=keeping.keep_inputs(request.client, request.inputs),
    )
    dispatch.note_end(record)


async def _numbers(module: str) -> Any:
    """A module of this room that needs numpy, which is imported with the first request and beside
    the event loop: it would cost the server's start 0.1 s."""
    name = f"inference.embeddings.{module}"
    return sys.modules.get(name) or await asyncio.to_thread(importlib.import_module, name)
