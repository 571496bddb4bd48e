"""/v1/embeddings: texts or token ids in, vectors as numbers or base64 out."""

from __future__ import annotations

from django.http import HttpResponse

from apis.answers import JsonAnswer, route_headers
from apis.calls import ApiRequest
from apis.embedding import as_base64, as_numbers, read_inputs
from apis.keep_alive import parse_keep_alive
from apis.openai.errors import JSON
from apis.openai.parameters import undeclared
from apis.openai.schemas import EmbeddingsBody
from apis.wishes import asked_of
from inference.embeddings import service
from inference.embeddings.request import EmbeddingRequest
from inference.errors import InvalidRequest, ModelNotFound

ENCODINGS = ("float", "base64")


async def create(request: ApiRequest, body: EmbeddingsBody) -> HttpResponse:
    """A vector of length 1 for every input, in order."""
    name = body.model or service.default_model()
    if not name:
        raise InvalidRequest("model is required", field="model")
    asked = asked_of(request, name)
    try:
        service.find_encoder(asked.model)
    except ModelNotFound:
        raise ModelNotFound(name) from None
    encoding = _encoding(body.encoding_format)
    wanted = EmbeddingRequest(
        model=asked.model,
        family="openai",
        endpoint=request.call.endpoint,
        inputs=_inputs(body),
        request_id=request.call.request_id,
        client=request.call.client,
        dimensions=_dimensions(body.dimensions),
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=tuple(undeclared(body)),
        wish=asked.wish,
        is_strict=asked.is_strict,
        received_at=request.call.received_at,
    )
    embeddings = await service.embed(wanted)
    write = as_base64 if encoding == "base64" else as_numbers
    return JsonAnswer(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "embedding": vector, "index": index}
                for index, vector in enumerate(await write(embeddings.vectors))
            ],
            "model": name,
            "usage": {
                "prompt_tokens": embeddings.prompt_tokens,
                "total_tokens": embeddings.prompt_tokens,
            },
        },
        content_type=JSON,
        headers=route_headers(embeddings.route, wanted.ignored),
    )


def _inputs(body: EmbeddingsBody) -> tuple[str | tuple[int, ...], ...]:
    inputs = read_inputs(body.input, tokens_allowed=True)
    if not inputs:
        raise InvalidRequest("invalid input", field="input")
    return inputs


def _encoding(value: str | None) -> str:
    encoding = "float" if value is None else value.lower()
    if encoding not in ENCODINGS:
        raise InvalidRequest(
            f"Invalid value for 'encoding_format' = {value}. "
            "Supported values: ['float', 'base64'].",
            field="encoding_format",
        )
    return encoding


def _dimensions(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise InvalidRequest(f"dimensions must be at least 1, got {value}", field="dimensions")
    return value
