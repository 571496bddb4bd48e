"""Which path of Anthropic's API does what. Versions, betas and keys in headers are all accepted."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI

from apis.answers import JsonAnswer
from apis.anthropic import translation
from apis.anthropic.errors import ERROR, JSON, STATUSES, answer_error
from apis.anthropic.frames import SSE, MessageFrames
from apis.anthropic.schemas import CountBody, Message, MessagesBody, TokenCount
from apis.bodies import JsonParser
from apis.calls import ApiRequest
from apis.describing import describe, streams_as
from apis.faults import answer_errors
from apis.streams import answer
from apis.wishes import Asked, asked_of
from inference import dispatch
from inference.errors import ModelNotFound
from inference.generation import Generation
from inference.snapshot import ModelInfo

api = NinjaAPI(
    title="npuconsole: Anthropic's API",
    urls_namespace="anthropic",
    parser=JsonParser(),
    docs_url=None,
    openapi_url=None,
)
answer_errors(api, answer_error)


@api.get("/messages/openapi.json", include_in_schema=False)
async def openapi(request: ApiRequest) -> HttpResponse:
    """This API's description."""
    return describe(api, "v1/", statuses=STATUSES, error=ERROR)


@api.post("/messages", response=Message, openapi_extra=streams_as(SSE))
async def messages(request: ApiRequest, body: MessagesBody) -> HttpResponseBase:
    """Continue a conversation."""
    translation.check(body)
    asked = asked_of(request, body.name)
    wanted = translation.messages_request(request.call, body, asked, _find(asked, body.name))
    stops = wanted.sampling.stop or ()
    shows_thinking = body.thinking is None or body.thinking.display != "omitted"

    def writer(generation: Generation) -> MessageFrames:
        return MessageFrames(
            request.call.request_id,
            body.name,
            input_tokens=len(generation.prompt_ids),
            stops=stops,
            shows_thinking=shows_thinking,
        )

    return await answer(request.call, wanted, writer, stream=body.stream is True)


@api.post("/messages/count_tokens", response=TokenCount)
async def count_tokens(request: ApiRequest, body: CountBody) -> HttpResponse:
    """How many tokens the prompt of such a message has. No engine is asked."""
    translation.check(body)
    asked = asked_of(request, body.name)
    wanted = translation.count_request(request.call, body, asked, _find(asked, body.name))
    tokens = await dispatch.count_tokens(wanted)
    headers = {"X-NPU-Proxy-Token-Count": str(tokens)}
    if wanted.ignored:
        headers["X-NPU-Proxy-Ignored"] = ", ".join(wanted.ignored)
    return JsonAnswer({"input_tokens": tokens}, content_type=JSON, headers=headers)


def _find(asked: Asked, as_sent: str) -> ModelInfo:
    """The model of that name; one that is missing is told by the name that the client sent."""
    try:
        return dispatch.resolve_model(asked.model)
    except ModelNotFound:
        raise ModelNotFound(as_sent) from None
