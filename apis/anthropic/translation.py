"""From Anthropic's bodies to the one internal request. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from typing import Any

from apis.anthropic.history import read_history
from apis.anthropic.schemas import ConversationBody, MessagesBody, OutputFormat
from apis.anthropic.tools import read_tool_choice, read_tools
from apis.calls import Call
from apis.conversation import answer_schema, checked_stops, needs_of, with_preset_system
from apis.keep_alive import parse_keep_alive
from apis.wishes import Asked
from inference.errors import InvalidRequest
from inference.prompts.thinking import EFFORT
from inference.requests import AnswerSchema, GenerationRequest, Message, Sampling, Think
from inference.snapshot import ModelInfo

DEFAULTS = Sampling(temperature=0.8, top_p=0.9, top_k=40)
"""Ollama's, for what a client leaves out."""

LARGEST_INTEGER = 2**31 - 1

EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "max"}

WITHOUT_EFFECT = ("container", "context_management", "mcp_servers")
"""Fields that would change the answer if we could do them. What changes none (metadata,
cache_control, service_tier) is passed over without a word."""


def check(body: ConversationBody) -> None:
    """What must be there, in Ollama's order and words. Raises InvalidRequest naming the field."""
    if not body.name:
        raise InvalidRequest("model is required", field="model")
    if isinstance(body, MessagesBody) and (body.max_tokens is None or body.max_tokens < 1):
        raise InvalidRequest("max_tokens is required and must be positive", field="max_tokens")
    if not body.messages:
        raise InvalidRequest("messages is required", field="messages")


def messages_request(
    call: Call, body: MessagesBody, asked: Asked, model: ModelInfo
) -> GenerationRequest:
    """The request of /v1/messages."""
    schema = read_format(body)
    return _request(
        call,
        body,
        asked,
        model,
        without_effect=tuple(name for name in WITHOUT_EFFECT if getattr(body, name)),
        sampling=_sampling(body),
        defaults=DEFAULTS,
        schema=schema,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        is_streamed=body.stream is True,
    )


def count_request(
    call: Call, body: ConversationBody, asked: Asked, model: ModelInfo
) -> GenerationRequest:
    """The request whose prompt is to be counted."""
    return _request(call, body, asked, model)


def read_think(body: ConversationBody, model: ModelInfo) -> tuple[Think, tuple[str, ...]]:
    """Whether the model is to reason, and what of the client's words on it has no effect. A model
    that cannot is not told, which "adaptive" leaves to it anyway. Raises InvalidRequest."""
    kind = body.thinking.type if body.thinking else ""
    effort = (body.output_config.effort if body.output_config else None) or ""
    if effort and effort not in EFFORTS:
        raise InvalidRequest(
            f"output_config.effort must be one of {', '.join(EFFORTS)}",
            field="output_config.effort",
        )
    without_effect: list[str] = []
    can_think = "thinking" in model.capabilities
    is_off = kind == "disabled"
    if kind == "enabled" and not can_think:
        without_effect.append("thinking")
    elif kind == "enabled" and body.thinking and body.thinking.budget_tokens is not None:
        without_effect.append("thinking.budget_tokens")
    if effort and not (can_think and EFFORT in model.chat_template) and not is_off:
        without_effect.append("output_config.effort")
    think: Think = None
    if can_think:
        think = False if is_off else EFFORTS.get(effort) or (True if kind == "enabled" else None)
    return think, tuple(without_effect)


def read_format(body: ConversationBody) -> AnswerSchema | None:
    """The schema that the answer must satisfy. Raises InvalidRequest."""
    wanted: OutputFormat | None = body.output_config.format if body.output_config else None
    field = "output_config.format"
    if wanted is None and body.output_format is not None:
        wanted, field = body.output_format, "output_format"
    if wanted is None:
        return None
    if wanted.type != "json_schema":
        raise InvalidRequest(f"{field}.type must be json_schema", field=f"{field}.type")
    if not isinstance(wanted.schema_, dict):
        raise InvalidRequest(f"{field}.schema must be an object", field=f"{field}.schema")
    return answer_schema(wanted.schema_, f"{field}.schema")


def _request(
    call: Call,
    body: ConversationBody,
    asked: Asked,
    model: ModelInfo,
    *,
    without_effect: tuple[str, ...] = (),
    schema: AnswerSchema | None = None,
    **what: Any,
) -> GenerationRequest:
    history = read_history(body.system, body.messages or (), model)
    tools, tools_left_out = read_tools(body.tools or [])
    choice = read_tool_choice(body.tool_choice, has_tools=bool(tools))
    think, thinking_without_effect = read_think(body, model)
    return GenerationRequest(
        model=asked.model,
        family="anthropic",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        turn=call.turn,
        received_at=call.received_at,
        messages=with_preset_system(list(history.messages), model),
        tools=tools,
        tool_choice=choice,
        think=think,
        continues_last_message=_is_begun(history.messages),
        schema=schema,
        ignored=(
            *without_effect,
            *thinking_without_effect,
            *tools_left_out,
            *history.left_out,
        ),
        needs=needs_of(tools=bool(tools) and choice.mode != "none", schema=schema),
        wish=asked.wish,
        is_strict=asked.is_strict,
        **what,
    )


def _is_begun(messages: tuple[Message, ...]) -> bool:
    """Whether the last message is the beginning of the answer, which is to go on with it."""
    last = messages[-1]
    return (
        last.role == "assistant" and bool(last.content.strip()) and not last.extra.get("tool_calls")
    )


def _sampling(body: MessagesBody) -> Sampling:
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(body, name)
        # -1 is how some servers' clients say "all".
        if value is not None and value < 0 and (name, value) != ("top_k", -1):
            raise InvalidRequest(f"{name} must not be negative, got {value:g}", field=name)
    stops = body.stop_sequences
    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=None if body.top_k is None else min(LARGEST_INTEGER, max(0, body.top_k)),
        max_tokens=min(LARGEST_INTEGER, body.max_tokens or 1),
        stop=checked_stops(stops, "stop_sequences") if stops else None,
    )
