"""/api/embed and /api/embeddings. The order of the checks is Ollama's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse

from apis.answers import JsonAnswer, route_headers
from apis.calls import ApiRequest
from apis.embedding import as_numbers, read_inputs
from apis.keep_alive import parse_keep_alive
from apis.ollama.errors import JSON, TryPulling
from apis.ollama.options import APPLIED, read_options
from apis.ollama.schemas import EmbedBody, EmbeddingsBody
from apis.ollama.unloading import unload
from apis.wishes import Asked, asked_of
from inference.embeddings import service
from inference.embeddings.request import EmbeddingRequest, Embeddings
from inference.errors import InvalidRequest, ModelNotFound


async def embed(request: ApiRequest, body: EmbedBody) -> HttpResponse:
    """Vectors of length 1 for every input; no input only loads the model, or unloads it."""
    inputs = read_inputs(body.input, tokens_allowed=False)
    if body.input == "":
        inputs = ()
    name = body.model or service.default_model()
    asked = _find(request, name)
    wanted = replace(
        _request(request, asked, body.options, body.keep_alive),
        inputs=inputs,
        truncate=body.truncate is not False,
        dimensions=body.dimensions,
    )
    if not inputs:
        return await _only_load(asked, wanted, {"model": name, "embeddings": []})
    embeddings = await service.embed(wanted)
    return JsonAnswer(
        {
            "model": name,
            "embeddings": await as_numbers(embeddings.vectors),
            "total_duration": _nanoseconds(embeddings.timings.total),
            "load_duration": _nanoseconds(_loading(embeddings)),
            "prompt_eval_count": embeddings.prompt_tokens,
        },
        content_type=JSON,
        headers=route_headers(embeddings.route, wanted.ignored),
    )


async def embed_one(request: ApiRequest, body: EmbeddingsBody) -> HttpResponse:
    """The older form: one prompt, and its vector as the model gives it."""
    name = body.model or service.default_model()
    if not name:
        raise InvalidRequest("model is required", field="model")
    asked = _find(request, name)
    wanted = replace(
        _request(request, asked, body.options, body.keep_alive),
        inputs=(body.prompt or "",),
        is_normalised=False,
    )
    if not body.prompt:
        return await _only_load(asked, wanted, {"embedding": []})
    embeddings = await service.embed(wanted)
    (vector,) = await as_numbers(embeddings.vectors)
    headers = route_headers(embeddings.route, wanted.ignored)
    return JsonAnswer({"embedding": vector}, content_type=JSON, headers=headers)


def _find(request: ApiRequest, name: str) -> Asked:
    """The encoder and the wish that a client means by `name`. One that is missing is told by the
    name that the client sent."""
    if not name:
        raise ModelNotFound(name)
    asked = asked_of(request, name)
    try:
        service.find_encoder(asked.model)
    except ModelNotFound:
        raise TryPulling(name) from None
    return asked


def _request(
    request: ApiRequest, asked: Asked, options: dict[str, Any] | None, keep_alive: Any
) -> EmbeddingRequest:
    """What both endpoints' requests have in common. Of the options only num_ctx means something."""
    read = read_options(options)
    of_sampling = [
        key for key, value in (options or {}).items() if key in APPLIED and value is not None
    ]
    return EmbeddingRequest(
        model=asked.model,
        family="ollama",
        endpoint=request.call.endpoint,
        inputs=(),
        request_id=request.call.request_id,
        client=request.call.client,
        num_ctx=read.num_ctx,
        keep_alive_seconds=parse_keep_alive(keep_alive),
        ignored=(*of_sampling, *read.ignored),
        wish=asked.wish,
        is_strict=asked.is_strict,
        received_at=request.call.received_at,
    )


async def _only_load(
    asked: Asked, wanted: EmbeddingRequest, answer: dict[str, Any]
) -> HttpResponse:
    if wanted.keep_alive_seconds == 0:
        await unload(asked.model)
        return JsonAnswer(answer, content_type=JSON)
    device, _ = await service.load(wanted)
    return JsonAnswer(answer, content_type=JSON, headers={"X-NPU-Proxy-Device": device})


def _loading(embeddings: Embeddings) -> float:
    """From receipt to a place on a loaded engine, as Ollama counts it; never zero."""
    return embeddings.timings.load + embeddings.timings.queue


def _nanoseconds(seconds: float) -> int:
    """At least one: clients take a missing or zero duration for an answer that never ran."""
    return max(1, round(seconds * 1e9))
