"""From the body of /v1/chat/completions to the one internal request. Pure: raises InferenceError,
asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from apis.calls import Call
from apis.conversation import answer_schema, needs_of, with_preset_system
from apis.faults import NotBuilt
from apis.keep_alive import parse_keep_alive
from apis.openai.messages import read_messages
from apis.openai.parameters import (
    DEFAULTS,
    checked_alternatives,
    lacks_alternatives,
    read_choices,
    read_sampling,
    undeclared,
)
from apis.openai.schemas import ChatBody, ResponseFormat
from apis.openai.tools import Offer
from apis.wishes import Asked
from inference.errors import InvalidRequest
from inference.prompts import thinking
from inference.prompts.sandbox import names_in
from inference.prompts.templates import OURS
from inference.requests import ANY_OBJECT, AnswerSchema, GenerationRequest, Think
from inference.snapshot import ModelInfo

EFFORTS = frozenset({"", "none", "minimal", "low", "medium", "high", "max", "xhigh", "ultra"})

WITHOUT_EFFECT = (
    "logit_bias",
    "prediction",
    "verbosity",
    "web_search_options",
    "moderation",
    "store",
    "min_tokens",
)
"""Fields that ask for something that is not done here."""
ANY_TIER = ("auto", "default")


def chat_request(
    call: Call, body: ChatBody, asked: Asked, model: ModelInfo, offer: Offer
) -> GenerationRequest:
    """The request of /v1/chat/completions. Of several answers each is a request of its own."""
    schema = read_response_format(body.response_format)
    limit = "max_tokens" if body.max_completion_tokens is None else "max_completion_tokens"
    logprobs = read_logprobs(body)
    return GenerationRequest(
        model=asked.model,
        family="openai",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        turn=call.turn,
        received_at=call.received_at,
        messages=with_preset_system(read_messages(body.messages or (), model), model),
        tools=offer.tools,
        tool_choice=offer.choice,
        think=read_think(body),
        variables=body.chat_template_kwargs or {},
        documents=tuple(body.documents or ()),
        continues_last_message=body.continue_final_message is True,
        sampling=read_sampling(body, limit=limit),
        defaults=DEFAULTS,
        schema=schema,
        logprobs=logprobs,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=_ignored(body, model),
        needs=needs_of(tools=offer.may_call, schema=schema, logprobs=logprobs is not None),
        wish=asked.wish,
        is_strict=asked.is_strict,
        is_streamed=body.stream is True,
    )


def check_chat(body: ChatBody) -> None:
    """What no model can do here. Raises InvalidRequest naming the field."""
    if not body.messages:
        raise InvalidRequest("[] is too short - 'messages'", field="messages")
    if body.modalities and "audio" in body.modalities:
        raise NotBuilt("audio output is not supported by this server", field="modalities")
    read_choices(body)


def read_logprobs(body: ChatBody) -> int | None:
    """How many alternatives to each token are wanted; None for no log probabilities at all."""
    count = checked_alternatives(body.top_logprobs, "top_logprobs")
    return count if body.logprobs or count else None


def read_think(body: ChatBody) -> Think:
    """Whether, or how much, the model is to reason: `reasoning_effort`, `reasoning.effort`, else
    the switch that a client sets in its template's own words. Raises InvalidRequest."""
    nested = body.reasoning.effort if body.reasoning else None
    for field, effort in (
        ("reasoning_effort", body.reasoning_effort),
        ("reasoning.effort", nested),
    ):
        if effort is not None and effort not in EFFORTS:
            allowed = ", ".join(sorted(EFFORTS - {""}))
            raise InvalidRequest(f"{field} must be one of {allowed}", field=field)
    if effort := body.reasoning_effort or nested:
        return effort
    switches = (body.chat_template_kwargs or {}).get
    return next((on for name in thinking.SWITCHES if isinstance(on := switches(name), bool)), None)


def read_response_format(wanted: ResponseFormat | None) -> AnswerSchema | None:
    """The constraint that `response_format` asks for."""
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return AnswerSchema(ANY_OBJECT, "response_format")
    if wanted.type == "json_schema":
        schema = (wanted.json_schema or {}).get("schema")
        if not isinstance(schema, dict):
            raise InvalidRequest(
                "response_format.json_schema.schema must be an object",
                field="response_format.json_schema.schema",
            )
        return answer_schema(schema, "response_format.json_schema.schema")
    raise InvalidRequest(
        "response_format.type must be one of text, json_object, json_schema",
        field="response_format.type",
    )


def _ignored(body: ChatBody, model: ModelInfo) -> tuple[str, ...]:
    """The fields without effect, by OpenAI's names for them."""
    names = [name for name in WITHOUT_EFFECT if getattr(body, name)]
    if body.service_tier not in (None, *ANY_TIER):
        names.append("service_tier")
    if lacks_alternatives(body.top_logprobs or 0, body):
        names.append("top_logprobs")
    if body.add_generation_prompt is False and not body.continue_final_message:
        names.append("add_generation_prompt")
    names += _unread(body, model.chat_template)
    names += [
        f"reasoning.{name}"
        for name in ("max_tokens", "exclude", "summary")
        if body.reasoning and getattr(body.reasoning, name)
    ]
    return (*names, *undeclared(body))


def _unread(body: ChatBody, template: str) -> list[str]:
    """What the model's chat template does not look at."""
    try:
        known = names_in(template) - OURS
        follows = (
            thinking.follows(template, body.reasoning_effort),
            thinking.follows(template, body.reasoning.effort if body.reasoning else None),
        )
    except TemplateError:  # rendering says more
        return []
    kwargs: Mapping[str, Any] = body.chat_template_kwargs or {}
    unread = {
        "reasoning_effort": not follows[0],
        "reasoning.effort": not follows[1],
        "chat_template_kwargs": not known.issuperset(kwargs),
        "documents": bool(body.documents) and "documents" not in known,
    }
    return [name for name, is_unread in unread.items() if is_unread]
