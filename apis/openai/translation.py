"""From OpenAI's bodies to the one internal request. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from typing import Any

import orjson

from apis.calls import Call
from apis.conversation import (
    answer_schema,
    checked_stops,
    full_name,
    needs_of,
    with_preset_system,
)
from apis.faults import NotBuilt
from apis.keep_alive import parse_keep_alive
from apis.openai.schemas import ChatBody, ChatMessage, ContentPart, ResponseFormat
from apis.wishes import Asked
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import ANY_OBJECT, AnswerSchema, GenerationRequest, Message, Sampling
from inference.snapshot import ModelInfo

DEFAULTS = Sampling(temperature=1.0, top_p=1.0)
"""OpenAI's own, for what a client leaves out."""

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
EFFORTS = frozenset({"", "none", "minimal", "low", "medium", "high", "max", "xhigh", "ultra"})
MOST_CHOICES = 16

WITHOUT_EFFECT = (
    "logit_bias",
    "reasoning_effort",
    "prediction",
    "verbosity",
    "web_search_options",
    "min_tokens",
    "chat_template_kwargs",
)
"""Fields that would change the answer if the engine could do them."""


def chat_request(call: Call, body: ChatBody, asked: Asked, model: ModelInfo) -> GenerationRequest:
    """The request of /v1/chat/completions. Of several answers each is a request of its own."""
    schema = read_response_format(body.response_format)
    tools = bool(body.tools) and body.tool_choice != "none"
    return GenerationRequest(
        model=asked.model,
        family="openai",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        turn=call.turn,
        received_at=call.received_at,
        messages=with_preset_system(_messages(body, model), model),
        sampling=_sampling(body),
        defaults=DEFAULTS,
        schema=schema,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=tuple(name for name in WITHOUT_EFFECT if getattr(body, name)),
        needs=needs_of(
            tools=tools, schema=schema, logprobs=bool(body.logprobs or body.top_logprobs)
        ),
        wish=asked.wish,
        is_strict=asked.is_strict,
        is_streamed=body.stream is True,
    )


def check_chat(body: ChatBody) -> None:
    """What this server cannot do. Raises InvalidRequest naming the field."""
    if not body.messages:
        raise InvalidRequest("[] is too short - 'messages'", field="messages")
    if body.logprobs or body.top_logprobs:
        raise NotBuilt("logprobs are not supported by this server yet", field="logprobs")
    if body.tools and body.tool_choice != "none":
        raise NotBuilt(
            "tools are not supported by this server yet, except with tool_choice none",
            field="tools",
        )
    if body.functions:
        raise NotBuilt("functions are not supported by this server", field="functions")
    if body.modalities and "audio" in body.modalities:
        raise NotBuilt("audio output is not supported by this server", field="modalities")
    choices = 1 if body.n is None else body.n
    if not 1 <= choices <= MOST_CHOICES:
        raise InvalidRequest(f"n must be between 1 and {MOST_CHOICES}, got {choices}", field="n")
    if choices > 1 and body.stream:
        raise NotBuilt("n above 1 is not supported with stream by this server yet", field="n")
    if body.reasoning_effort is not None and body.reasoning_effort not in EFFORTS:
        allowed = ", ".join(sorted(EFFORTS - {""}))
        raise InvalidRequest(f"reasoning_effort must be one of {allowed}", field="reasoning_effort")


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


def _sampling(body: ChatBody) -> Sampling:
    field = "max_tokens" if body.max_completion_tokens is None else "max_completion_tokens"
    most = getattr(body, field)
    if most is not None and most < 1:
        raise InvalidRequest(f"{field} must be at least 1, got {most}", field=field)
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(body, name)
        # -1 is how some servers' clients say "all".
        if value is not None and value < 0 and (name, value) != ("top_k", -1):
            raise InvalidRequest(f"{name} must not be negative, got {value:g}", field=name)
    stop = [body.stop] if isinstance(body.stop, str) else body.stop
    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=None if body.top_k is None else min(2**31 - 1, max(0, body.top_k)),
        min_p=body.min_p,
        seed=body.seed,
        repetition_penalty=body.repetition_penalty,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        max_tokens=None if most is None else min(2**31 - 1, most),
        stop=None if stop is None else checked_stops(stop),
        ignore_eos=body.ignore_eos,
    )


def _messages(body: ChatBody, model: ModelInfo) -> list[Message]:
    names = {
        call.id: call.function.name
        for message in body.messages or ()
        for call in message.tool_calls or ()
        if call.id
    }
    return [
        _message(message, f"messages[{index}]", names, model)
        for index, message in enumerate(body.messages or ())
    ]


def _message(
    message: ChatMessage, place: str, call_names: dict[str, str], model: ModelInfo
) -> Message:
    role = ROLES.get(message.role)
    if role is None:
        allowed = ", ".join(ROLES)
        raise InvalidRequest(
            f"{place}.role: {message.role[:40]!r} is not one of {allowed}", field=f"{place}.role"
        )
    extra: dict[str, Any] = {}
    if message.name:
        extra["name"] = message.name
    if message.tool_calls:
        extra["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.function.name,
                    "arguments": _arguments(call.function.arguments),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        extra["tool_call_id"] = message.tool_call_id
        if name := call_names.get(message.tool_call_id):
            extra["name"] = extra["tool_name"] = name
    return Message(role, _content(message, place, model), extra)  # type: ignore[arg-type]


def _content(message: ChatMessage, place: str, model: ModelInfo) -> str:
    if isinstance(message.content, str):
        return message.content
    if message.content is None:
        if message.role == "assistant" and (message.tool_calls or message.refusal):
            return message.refusal or ""
        raise InvalidRequest("invalid message format", field=f"{place}.content")
    return "".join(_part_text(part, f"{place}.content", model) for part in message.content)


def _part_text(part: ContentPart, field: str, model: ModelInfo) -> str:
    if part.type == "text" and part.text is not None:
        return part.text
    if part.type == "refusal" and part.refusal is not None:
        return part.refusal
    if part.type == "image_url":
        url = part.image_url.get("url") if isinstance(part.image_url, dict) else part.image_url
        if not isinstance(url, str):
            raise InvalidRequest("invalid image input", field=field)
        if url.startswith(("http://", "https://")):
            raise InvalidRequest(
                "image URLs are not currently supported, please use base64 encoded data instead",
                field=field,
            )
        raise CapabilityMissing(f"{full_name(model)} does not support vision", capability="vision")
    if part.type == "input_audio":
        raise CapabilityMissing(f"{full_name(model)} does not support audio", capability="audio")
    raise InvalidRequest("invalid message format", field=field)


def _arguments(text: str) -> Any:
    try:
        return orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        raise InvalidRequest("invalid tool call arguments", field="messages") from None
