"""Which path of Ollama's API does what. The order of the checks is Ollama's."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI, Query

from apis import access
from apis.answers import FrameStream, JsonAnswer
from apis.bodies import JsonParser
from apis.calls import ApiRequest
from apis.describing import answers_with, describe, streams_as
from apis.faults import answer_errors
from apis.keep_alive import parse_keep_alive
from apis.ollama import embeddings, finding, frames, metadata, models, translation
from apis.ollama.errors import ERROR, JSON, STATUS, answer_error
from apis.ollama.schemas import (
    ChatBody,
    CopyBody,
    CreateBody,
    DeleteBody,
    EmbedBody,
    EmbeddingsBody,
    GenerateBody,
    PullBody,
    PushBody,
    ShowBody,
)
from apis.ollama.unloading import unload
from apis.streams import answer
from apis.wishes import Asked, asked_of, read_asked
from inference import dispatch, snapshot, status
from inference.catalog import jobs
from inference.catalog.names import parse_name
from inference.catalog.sources.local import looks_like_path
from inference.errors import InvalidRequest, ModelNotFound
from inference.snapshot import ModelInfo

api = NinjaAPI(
    title="npuconsole: Ollama's API",
    urls_namespace="ollama",
    parser=JsonParser(),
    docs_url=None,
    openapi_url=None,
)
answer_errors(api, answer_error)

COMPATIBLE_VERSION = "0.17.6"
"""The Ollama version whose API this is. Clients compare it: Codex wants 0.13.4, VS Code 0.17.6."""


@api.get("/version")
async def version(request: ApiRequest) -> HttpResponse:
    """The version of Ollama that clients may take this server for."""
    return JsonAnswer({"version": COMPATIBLE_VERSION}, content_type=JSON)


@api.get("/status")
async def cloud(request: ApiRequest) -> HttpResponse:
    """That there is no cloud behind this server."""
    answer = {"cloud": {"disabled": True, "source": "config"}}
    return JsonAnswer(answer, content_type=JSON)


@api.get("/openapi.json", include_in_schema=False)
async def openapi(request: ApiRequest) -> HttpResponse:
    """This API's description."""
    return describe(api, "api/", statuses=set(STATUS.values()), error=ERROR)


@api.get("/tags")
async def tags(request: ApiRequest) -> HttpResponse:
    """The installed models."""
    listed = metadata.list_models(snapshot.current())
    return JsonAnswer({"models": listed}, content_type=JSON)


@api.get("/ps")
async def ps(request: ApiRequest) -> HttpResponse:
    """The loaded models."""
    running = metadata.list_running(status.engines(), snapshot.current())
    return JsonAnswer({"models": running}, content_type=JSON)


@api.post("/show")
async def show(request: ApiRequest, body: ShowBody) -> HttpResponse:
    """Everything about one model."""
    if not body.wanted:
        raise InvalidRequest("model is required", field="model")
    name = read_asked(body.wanted).model  # `ollama run` shows the very name it then asks
    display = parse_name(name).display
    try:
        model = dispatch.resolve_model(name)
    except ModelNotFound:
        raise ModelNotFound(display) from None
    copilot = request.headers.get("User-Agent", "").startswith("GitHubCopilotChat/")
    described = metadata.describe(model, body.wanted, verbose=bool(body.verbose), copilot=copilot)
    return JsonAnswer(described, content_type=JSON)


@api.post("/generate", openapi_extra=streams_as(frames.NDJSON))
async def generate(request: ApiRequest, body: GenerateBody) -> HttpResponseBase:
    """Complete a prompt. An empty prompt only loads the model, or unloads it."""
    translation.check_top_logprobs(body)
    asked = asked_of(request, body.name)
    model = _find(asked.model, body.name)
    if not body.prompt and _means_unload(body.keep_alive):
        return await _unload(asked, body.name, chat=False)
    translation.check_generate(body, model)
    if not body.prompt:
        return await _load(asked, body.name, body.keep_alive, chat=False)
    wanted = translation.generate_request(request.call, body, asked, model)
    if body.debug_render_only:
        prompt = await dispatch.render(wanted)
        return JsonAnswer(frames.rendered(body.name, prompt, chat=False), content_type=JSON)
    return await answer(
        request.call,
        wanted,
        lambda generation: frames.GenerateFrames(
            body.name,
            generation,
            has_context=not body.raw,
            top_logprobs=body.top_logprobs or 0,
        ),
        stream=body.wants_stream,
    )


@api.post("/chat", openapi_extra=streams_as(frames.NDJSON))
async def chat(request: ApiRequest, body: ChatBody) -> HttpResponseBase:
    """Continue a conversation. No messages only load the model, or unload it."""
    translation.check_top_logprobs(body)
    if not body.name:
        raise InvalidRequest("model is required", field="model")
    asked = asked_of(request, body.name)
    model = _find(asked.model, body.name)
    if not body.messages and _means_unload(body.keep_alive):
        return await _unload(asked, body.name, chat=True)
    translation.check_chat(body, model)
    if not body.messages:
        return await _load(asked, body.name, body.keep_alive, chat=True)
    wanted = translation.chat_request(request.call, body, asked, model)
    if body.debug_render_only:
        prompt = await dispatch.render(wanted)
        return JsonAnswer(frames.rendered(body.name, prompt, chat=True), content_type=JSON)
    return await answer(
        request.call,
        wanted,
        lambda generation: frames.ChatFrames(body.name, top_logprobs=body.top_logprobs or 0),
        stream=body.wants_stream,
    )


@api.post("/pull", openapi_extra=streams_as(frames.NDJSON))
async def pull(request: ApiRequest, body: PullBody) -> HttpResponseBase:
    """Install a model. The job is the server's: it goes on when the client leaves."""
    if not body.wanted:
        raise InvalidRequest("invalid model name", field="model")
    wanted = body.wanted
    if not looks_like_path(wanted):
        # Where it is to run has nothing to do with having it.
        wanted = models.meant_by(read_asked(wanted).model, snapshot.current())
    # Only who sits at this machine may name any path of it.
    watch = await jobs.pull(wanted, anywhere=access.is_loopback(request.call.client))
    if body.stream is False:
        await watch.finished()
        return JsonAnswer({"status": "success"}, content_type=JSON)
    return FrameStream(frames.progress_lines(request.call, watch), content_type=frames.NDJSON)


@api.get("/search", response=finding.SearchAnswer)
async def search(
    request: ApiRequest, wanted: Annotated[finding.SearchQuery, Query()]
) -> HttpResponse:
    """Models that can be installed: those that are known here, and OpenVINO exports of the hub."""
    return JsonAnswer(await finding.search(wanted), content_type=JSON)


@api.get("/models/known", response=finding.KnownModels)
async def known(request: ApiRequest) -> HttpResponse:
    """The models that have a name of their own here."""
    return JsonAnswer(await finding.known_models(), content_type=JSON)


@api.post("/push", openapi_extra=streams_as(frames.NDJSON))
async def push(request: ApiRequest, body: PushBody) -> HttpResponseBase:
    """Publish a model, which this server does not."""
    return await models.push(request, body)


@api.post("/create", openapi_extra=streams_as(frames.NDJSON))
async def create(request: ApiRequest, body: CreateBody) -> HttpResponseBase:
    """Make a model from another one or from files."""
    return await models.create(request, body)


@api.post("/copy")
async def copy(request: ApiRequest, body: CopyBody) -> HttpResponse:
    """Copy a model."""
    return await models.copy(request, body)


@api.delete("/delete")
async def delete(request: ApiRequest, body: DeleteBody) -> HttpResponse:
    """Delete a model."""
    return await models.delete(request, body)


@api.get("/blobs/{digest}")
async def has_blob(request: ApiRequest, digest: str) -> HttpResponse:
    """Whether a file was uploaded."""
    return await models.has_blob(request, digest)


@api.post("/blobs/{digest}", openapi_extra=answers_with(201, "It was kept."))
async def receive_blob(request: ApiRequest, digest: str) -> HttpResponse:
    """Upload a file, to make a model from it."""
    return await models.receive_blob(request, digest)


@api.api_operation(["GET", "POST"], "/me", openapi_extra=answers_with(401, "Nobody is."))
async def me(request: ApiRequest) -> HttpResponse:
    """Who is signed in at Ollama's cloud: nobody, ever."""
    answer = {"error": "unauthorized", "signin_url": ""}
    return JsonAnswer(answer, content_type=JSON, status=401)


@api.post("/embed")
async def embed(request: ApiRequest, body: EmbedBody) -> HttpResponse:
    """Vectors of texts."""
    return await embeddings.embed(request, body)


@api.post("/embeddings")
async def embed_one(request: ApiRequest, body: EmbeddingsBody) -> HttpResponse:
    """The older form of /api/embed."""
    return await embeddings.embed_one(request, body)


def _find(name: str, as_sent: str) -> ModelInfo:
    """The model of that name; one that is missing is told by the name that the client sent."""
    if not name:
        raise ModelNotFound(as_sent)
    try:
        return dispatch.resolve_model(name)
    except ModelNotFound:
        raise ModelNotFound(as_sent) from None


def _means_unload(keep_alive: object) -> bool:
    return parse_keep_alive(keep_alive) == 0


async def _load(asked: Asked, name: str, keep_alive: object, *, chat: bool) -> HttpResponse:
    report = await dispatch.load(asked.model, parse_keep_alive(keep_alive), wish=asked.wish)
    return JsonAnswer(
        frames.without_inference(name, "load", chat=chat),
        content_type=JSON,
        headers={"X-NPU-Proxy-Device": report.device},
    )


async def _unload(asked: Asked, name: str, *, chat: bool) -> HttpResponse:
    await unload(asked.model)
    return JsonAnswer(frames.without_inference(name, "unload", chat=chat), content_type=JSON)
