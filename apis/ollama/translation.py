"""From Ollama's bodies to the one internal request. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from typing import Any

from apis.calls import Call
from apis.conversation import answer_schema, needs_of, require_capability, with_preset_system
from apis.keep_alive import parse_keep_alive
from apis.ollama.options import DEFAULTS, read_options
from apis.ollama.schemas import ChatBody, ChatMessage, GenerateBody, InferenceBody
from apis.wishes import Asked
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import ANY_OBJECT, AnswerSchema, GenerationRequest, Message
from inference.snapshot import ModelInfo

ROLES = ("system", "user", "assistant", "tool")
THINK_WORDS = ("high", "medium", "low", "max")
MOST_TOP_LOGPROBS = 20


def generate_request(
    call: Call, body: GenerateBody, asked: Asked, model: ModelInfo
) -> GenerationRequest:
    """The request of /api/generate with a prompt."""
    messages: list[Message] = []
    if body.system:
        messages.append(Message("system", body.system))
    messages.append(Message("user", body.prompt or ""))
    return _request(
        call,
        body,
        asked,
        messages=None if body.raw else with_preset_system(messages, model),
        prompt=(body.prompt or "") if body.raw else None,
        context_ids=tuple(body.context or ()),
        images=bool(body.images),
    )


def chat_request(call: Call, body: ChatBody, asked: Asked, model: ModelInfo) -> GenerationRequest:
    """The request of /api/chat with messages."""
    messages = [_message(message) for message in body.messages or ()]
    return _request(
        call,
        body,
        asked,
        messages=with_preset_system(messages, model),
        tools=tuple(body.tools or ()),
        images=any(message.images for message in body.messages or ()),
    )


def check_generate(body: GenerateBody, model: ModelInfo) -> None:
    """What this model, or this server, cannot do. Raises InvalidRequest or CapabilityMissing."""
    if body.raw and (body.template or body.system or body.context):
        raise InvalidRequest("raw mode does not support template, system, or context", field="raw")
    if body.template:
        raise InvalidRequest(
            "template in a request is not supported: use the model's own, or raw with the whole "
            "prompt",
            field="template",
        )
    check_can(model, "generate", "completion", body.name)
    if body.suffix:
        require_capability(model, "insert")
    if body.images:
        require_capability(model, "vision")
    check_think(body, model)


def check_chat(body: ChatBody, model: ModelInfo) -> None:
    """The same for /api/chat."""
    check_can(model, "chat", "completion", body.name)
    for message in body.messages or ():
        if message.role.lower() not in ROLES:
            raise InvalidRequest(
                f"invalid role: {message.role[:40]!r}, must be one of [{', '.join(ROLES)}]",
                field="messages",
            )
        if message.images:
            require_capability(model, "vision")
    if body.tools:
        require_capability(model, "tools")
    check_think(body, model)


def check_top_logprobs(body: InferenceBody) -> None:
    """The first check of all, before the model's name."""
    if body.top_logprobs is not None and not 0 <= body.top_logprobs <= MOST_TOP_LOGPROBS:
        raise InvalidRequest(
            f"top_logprobs must be between 0 and {MOST_TOP_LOGPROBS}", field="top_logprobs"
        )


def check_can(model: ModelInfo, verb: str, capability: str, name: str) -> None:
    """Raises CapabilityMissing in the words for a model of another kind."""
    if capability not in model.capabilities:
        raise CapabilityMissing(f'"{name}" does not support {verb}', capability=capability)


def check_think(body: InferenceBody, model: ModelInfo) -> None:
    """`think` is a switch or a level; any model takes false."""
    think = body.think
    if think is None or think is False or think == "":
        return
    if think is not True and think not in THINK_WORDS:
        allowed = ", ".join(f'"{word}"' for word in THINK_WORDS)
        raise InvalidRequest(f"think must be a boolean or one of {allowed}", field="think")
    if "thinking" not in model.capabilities:
        raise CapabilityMissing(f'"{body.name}" does not support thinking', capability="thinking")


def read_format(value: Any) -> AnswerSchema | None:
    """The constraint that `format` asks for."""
    if value is None or value == "":
        return None
    if value == "json":
        return AnswerSchema(ANY_OBJECT, "format")
    if isinstance(value, dict):
        return answer_schema(value, "format")
    shown = str(value)[:100]
    raise InvalidRequest(
        f'invalid format: "{shown}"; expected "json" or a valid JSON Schema object', field="format"
    )


def _request(
    call: Call,
    body: InferenceBody,
    asked: Asked,
    *,
    images: bool,
    tools: tuple[dict[str, Any], ...] = (),
    **what: Any,
) -> GenerationRequest:
    options = read_options(body.options)
    schema = read_format(body.format)
    logprobs = bool(body.logprobs or body.top_logprobs)
    ignored = list(options.ignored)
    if logprobs:
        ignored.append("logprobs")
    if body.think:
        ignored.append("think")
    return GenerationRequest(
        model=asked.model,
        family="ollama",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        turn=call.turn,
        received_at=call.received_at,
        sampling=options.sampling,
        defaults=DEFAULTS,
        tools=tools,
        schema=schema,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=tuple(ignored),
        num_ctx=options.num_ctx,
        needs=needs_of(tools=bool(tools), schema=schema, logprobs=logprobs, images=images),
        wish=asked.wish,
        is_strict=asked.is_strict,
        is_streamed=body.wants_stream,
        **what,
    )


def _message(message: ChatMessage) -> Message:
    extra: dict[str, Any] = {}
    if message.tool_calls:
        extra["tool_calls"] = [
            {
                "type": "function",
                **({"id": call.id} if call.id else {}),
                "function": {
                    "name": call.function.name,
                    "arguments": call.function.arguments or {},
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_name:
        extra["name"] = extra["tool_name"] = message.tool_name
    if message.tool_call_id:
        extra["tool_call_id"] = message.tool_call_id
    if message.thinking:
        extra["thinking"] = message.thinking
    return Message(message.role.lower(), message.content or "", extra)  # type: ignore[arg-type]
