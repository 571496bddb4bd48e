"""From a body to the one internal request. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apis.calls import Call
from apis.conversation import answer_schema, needs_of, with_preset_system
from apis.keep_alive import parse_keep_alive
from apis.openai.parameters import DEFAULTS, read_sampling, undeclared
from apis.openai.responses.items import Turns
from apis.openai.responses.resource import echo_of
from apis.openai.responses.schemas import ResponsesBody
from apis.openai.responses.tools import Offered, read_choice, read_tools, shown
from apis.wishes import Asked
from inference.errors import InvalidRequest
from inference.requests import ANY_OBJECT, AnswerSchema, GenerationRequest, Message
from inference.snapshot import ModelInfo

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra")
SUMMARIES = ("auto", "concise", "detailed")
MOST_ALTERNATIVES = 20
ENCRYPTED_REASONING = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
ORDINARY_TIERS = (None, "auto", "default")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A body understood: what is to be generated, and how the response is to be written. `echo` is
    the part of the response object that is known beforehand."""

    request: GenerationRequest
    echo: dict[str, Any]
    tools: dict[str, Offered]
    has_encrypted_reasoning: bool
    top_logprobs: int | None


def check_stateless(body: ResponsesBody) -> None:
    """What needs a memory of earlier requests. Raises InvalidRequest naming the field."""
    if body.previous_response_id:
        raise InvalidRequest(
            "previous_response_id: no responses are kept here, send the whole conversation "
            "as input",
            field="previous_response_id",
        )
    if body.conversation:
        raise InvalidRequest(
            "conversation: no conversations are kept here, send the whole conversation as input",
            field="conversation",
        )
    if body.prompt:
        raise InvalidRequest(
            "prompt: no prompts are kept here, send instructions and input", field="prompt"
        )
    if body.background:
        raise InvalidRequest(
            "background: no responses are kept here that could be asked for later, use stream",
            field="background",
        )


def read_body(call: Call, body: ResponsesBody, asked: Asked, model: ModelInfo) -> Wanted:
    """All of a body. Raises InferenceError."""
    check_stateless(body)
    messages, passed_over = _messages(body, model)
    box = read_tools(body.tools)
    choice, choice_echo = read_choice(body, box)
    # Where only some may be called, the model is told of no others.
    allowed = choice.names if choice.mode == "auto" else ()
    tools = tuple(it for it in box.tools if not allowed or it["function"]["name"] in allowed)
    schema = _schema(body)
    include = body.include or []
    top = body.top_logprobs
    if top is not None and not 0 <= top <= MOST_ALTERNATIVES:
        raise InvalidRequest(
            f"top_logprobs must be between 0 and {MOST_ALTERNATIVES}", field="top_logprobs"
        )
    logprobs = (top or 0) if top or LOGPROBS in include else None
    if body.truncation not in (None, "auto", "disabled"):
        raise InvalidRequest("truncation must be auto or disabled", field="truncation")
    sampling = read_sampling(body, limit="max_output_tokens")
    request = GenerationRequest(
        model=asked.model,
        family="openai",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        turn=call.turn,
        received_at=call.received_at,
        messages=with_preset_system(messages, model),
        tools=tools,
        tool_choice=choice,
        think=_think(body),
        variables=body.chat_template_kwargs or {},
        schema=schema,
        logprobs=logprobs,
        sampling=sampling,
        defaults=DEFAULTS,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=(*_ignored(body, model), *box.ignored, *passed_over),
        needs=needs_of(
            tools=bool(tools) and choice.mode != "none",
            schema=schema,
            logprobs=logprobs is not None,
        ),
        wish=asked.wish,
        is_strict=asked.is_strict,
        is_streamed=body.stream is True,
    )
    return Wanted(
        request,
        echo_of(
            body,
            sampling.over(model.preset).over(DEFAULTS),
            tools=box.echo,
            tool_choice=choice_echo,
            is_parallel=choice.is_parallel,
        ),
        dict(box.offered),
        ENCRYPTED_REASONING in include,
        logprobs,
    )


def _messages(body: ResponsesBody, model: ModelInfo) -> tuple[list[Message], tuple[str, ...]]:
    """The conversation, and which of its items were passed over."""
    turns = Turns(model)
    if body.instructions:
        turns.system(body.instructions)
    if isinstance(body.input, str):
        return [*turns.messages(), Message("user", body.input)], ()
    if not body.input:
        raise InvalidRequest("[] is too short - 'input'", field="input")
    for index, item in enumerate(body.input):
        turns.add(item, f"input[{index}]")
    return turns.messages(), tuple(dict.fromkeys(turns.ignored))


def _schema(body: ResponsesBody) -> AnswerSchema | None:
    wanted = body.text.format if body.text else None
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return AnswerSchema(ANY_OBJECT, "text.format")
    if wanted.type != "json_schema":
        raise InvalidRequest(
            "text.format.type must be one of text, json_object, json_schema",
            field="text.format.type",
        )
    if not isinstance(wanted.schema_, dict):
        raise InvalidRequest("text.format.schema must be an object", field="text.format.schema")
    return answer_schema(wanted.schema_, "text.format.schema")


def _think(body: ResponsesBody) -> bool | str | None:
    reasoning = body.reasoning
    if reasoning is None:
        return None
    summary = reasoning.summary or reasoning.generate_summary
    if summary is not None and summary not in SUMMARIES:
        raise InvalidRequest(
            f"reasoning.summary must be one of {', '.join(SUMMARIES)}", field="reasoning.summary"
        )
    effort = reasoning.effort
    if not effort:
        return None
    if effort not in EFFORTS:
        raise InvalidRequest(
            f"reasoning.effort must be one of {', '.join(EFFORTS)}", field="reasoning.effort"
        )
    return False if effort == "none" else effort


def _ignored(body: ResponsesBody, model: ModelInfo) -> list[str]:
    """Parameters of this body that have no effect."""
    reasoning = body.reasoning
    effort = reasoning.effort if reasoning else None
    summary = (reasoning.summary or reasoning.generate_summary) if reasoning else None
    thinks = "thinking" in model.capabilities
    without_effect = {
        "reasoning.effort": effort not in (None, "", "none") and not thinks,
        # Reasoning is told as it is, not summed up.
        "reasoning.summary": summary in ("concise", "detailed") and thinks,
        "text.verbosity": bool(body.text and body.text.verbosity),
        "truncation": body.truncation == "auto",
        "store": body.store is True,
        "max_tool_calls": body.max_tool_calls is not None,
        "service_tier": body.service_tier not in ORDINARY_TIERS,
        "context_management": bool(body.context_management),
        "moderation": bool(body.moderation),
        # The engine knows no alternatives to the token it chose.
        "top_logprobs": bool(body.top_logprobs),
        "stream_options.include_obfuscation": bool(
            body.stream_options and body.stream_options.include_obfuscation
        ),
    }
    includes = [
        f"include: {shown(name)}"
        for name in body.include or ()
        if name not in (ENCRYPTED_REASONING, LOGPROBS)
    ]
    named = [name for name, is_ignored in without_effect.items() if is_ignored]
    return [*named, *includes, *undeclared(body)]
