"""Which path of OpenAI's API does what."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI

from apis.answers import JsonAnswer
from apis.anthropic import frames as anthropic
from apis.bodies import JsonParser
from apis.calls import ApiRequest
from apis.describing import describe, streams_as
from apis.faults import answer_errors
from apis.openai import chat, completions, embeddings, frames
from apis.openai.errors import ERROR, JSON, TABLE, answer_error
from apis.openai.responses.routes import router as responses
from apis.openai.schemas import ChatBody, CompletionBody, EmbeddingsBody
from apis.openai.sse import SSE
from apis.wishes import asked_of, read_asked
from inference import dispatch, snapshot
from inference.errors import ModelNotFound
from inference.snapshot import ModelInfo

api = NinjaAPI(
    title="npuconsole: OpenAI's API",
    urls_namespace="openai",
    parser=JsonParser(),
    docs_url=None,
    openapi_url=None,
)
answer_errors(api, answer_error)
api.add_router("/responses", responses)

ANTHROPIC_VERSION = "anthropic-version"
"""The header that only clients of Anthropic send. Both vendors list models under one path."""


@api.get("/openapi.json", include_in_schema=False)
async def openapi(request: ApiRequest) -> HttpResponse:
    """This API's description."""
    return describe(api, "v1/", statuses={row.status for row in TABLE.values()}, error=ERROR)


@api.get("/models")
async def models(request: ApiRequest) -> HttpResponse:
    """The installed models, and the owner's aliases of them."""
    ready = snapshot.current().answering()
    if ANTHROPIC_VERSION in request.headers:
        return JsonAnswer(anthropic.model_list(ready), content_type=JSON)
    data = [frames.model_object(model) for model in ready]
    return JsonAnswer({"object": "list", "data": data}, content_type=JSON)


@api.get("/models/{path:model_id}")
async def model(request: ApiRequest, model_id: str) -> HttpResponse:
    """One model; its name may hold slashes and colons."""
    found = _find(read_asked(model_id).model, model_id)
    if ANTHROPIC_VERSION in request.headers:
        return JsonAnswer(anthropic.model_object(found), content_type=JSON)
    return JsonAnswer(frames.model_object(found), content_type=JSON)


@api.post("/chat/completions", openapi_extra=streams_as(SSE))
async def chat_completions(request: ApiRequest, body: ChatBody) -> HttpResponseBase:
    """Continue a conversation."""
    asked = asked_of(request, body.name)
    found = _find(asked.model, body.name)
    return await chat.create(request.call, body, asked, found)


@api.post("/completions", openapi_extra=streams_as(SSE))
async def text_completions(request: ApiRequest, body: CompletionBody) -> HttpResponseBase:
    """Continue texts, word for word as they are."""
    asked = asked_of(request, body.name)
    found = _find(asked.model, body.name)
    return await completions.create(request.call, body, asked, found)


@api.post("/embeddings")
async def embed(request: ApiRequest, body: EmbeddingsBody) -> HttpResponse:
    """Vectors of texts."""
    return await embeddings.create(request, body)


def _find(name: str, as_sent: str) -> ModelInfo:
    """The model of that name; one that is missing is told by the name that the client sent."""
    try:
        return dispatch.resolve_model(name)
    except ModelNotFound:
        raise ModelNotFound(as_sent) from None
