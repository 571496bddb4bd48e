"""Which path under /v1/responses does what."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from apis.calls import ApiRequest
from apis.describing import streams_as
from apis.openai.errors import ResponseNotFound
from apis.openai.responses import translation
from apis.openai.responses.frames import ResponseFrames
from apis.openai.responses.schemas import ResponsesBody
from apis.streams import answer
from apis.wishes import asked_of
from inference import dispatch
from inference.errors import ModelNotFound

router = Router()


@router.post("", openapi_extra=streams_as(ResponseFrames.stream_type))
async def create(request: ApiRequest, body: ResponsesBody) -> HttpResponseBase:
    """Answer a conversation."""
    asked = asked_of(request, body.name)
    try:
        model = dispatch.resolve_model(asked.model)
    except ModelNotFound:
        raise ModelNotFound(body.name) from None
    wanted = translation.read_body(request.call, body, asked, model)
    writer = ResponseFrames(
        request.call.request_id,
        wanted.echo,
        wanted.tools,
        has_encrypted_reasoning=wanted.has_encrypted_reasoning,
        top_logprobs=wanted.top_logprobs,
    )
    return await answer(
        request.call, wanted.request, lambda _: writer, stream=wanted.request.is_streamed
    )


@router.api_operation(["GET", "DELETE", "POST"], "/{path:response_id}", include_in_schema=False)
async def stored(request: ApiRequest, response_id: str) -> HttpResponse:
    """An earlier response, its input items, or an operation on it: none is kept."""
    raise ResponseNotFound(response_id)
