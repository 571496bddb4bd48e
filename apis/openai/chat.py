"""/v1/chat/completions: one conversation in, one or several answers out."""

from __future__ import annotations

from django.http.response import HttpResponseBase

from apis.calls import Call
from apis.openai import translation
from apis.openai.choices import answer_several, variant
from apis.openai.frames import ChatFrames, ChatStyle
from apis.openai.parameters import read_choices
from apis.openai.schemas import ChatBody
from apis.openai.sse import UsageWish
from apis.openai.tools import read_offer
from apis.streams import answer
from apis.wishes import Asked
from inference.snapshot import ModelInfo


async def create(call: Call, body: ChatBody, asked: Asked, model: ModelInfo) -> HttpResponseBase:
    """Answer. Raises InferenceError before the first frame."""
    translation.check_chat(body)
    offer = read_offer(body)
    wanted = translation.chat_request(call, body, asked, model, offer)
    frames = ChatFrames(
        call.request_id,
        body.name,
        usage=UsageWish.of(body.stream_options),
        style=ChatStyle(
            logprobs=wanted.logprobs is not None,
            alternatives=bool(wanted.logprobs),
            is_legacy=offer.is_legacy,
            is_named=offer.is_named,
        ),
    )
    choices = read_choices(body)
    if choices > 1:
        requests = [variant(wanted, index, seed_step=index) for index in range(choices)]
        return await answer_several(call, requests, frames, stream=body.stream is True)
    return await answer(
        call,
        wanted,
        lambda generation: frames.choice(0, generation, is_alone=True),
        stream=body.stream is True,
    )
