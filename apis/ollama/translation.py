"""From Ollama's bodies to the one internal request. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apis.calls import Call
from apis.conversation import answer_schema, needs_of, require_capability, with_preset_system
from apis.keep_alive import parse_keep_alive
from apis.limits import LONGEST_TEMPLATE_CHARACTERS
from apis.ollama.messages import ROLES, read_messages
from apis.ollama.options import DEFAULTS, read_options
from apis.ollama.schemas import ChatBody, GenerateBody, InferenceBody
from apis.ollama.tools import read_tool_choice, read_tools
from apis.wishes import Asked
from inference.errors import CapabilityMissing, InvalidRequest
from inference.prompts.go_templates import as_jinja
from inference.prompts.sandbox import names_in
from inference.prompts.templates import check_template
from inference.requests import ANY_OBJECT, AnswerSchema, GenerationRequest, Message, Think
from inference.snapshot import ModelInfo

THINK_WORDS = ("high", "medium", "low", "max")
MOST_TOP_LOGPROBS = 20
SUFFIX = "suffix"
"""The chat template's variable for what is to follow the answer."""


def generate_request(
    call: Call, body: GenerateBody, asked: Asked, model: ModelInfo
) -> GenerationRequest:
    """The request of /api/generate with a prompt. Raises InvalidRequest."""
    ignored: list[str] = []
    prompt = body.prompt or ""
    if body.raw:
        ignored += ["suffix"] if body.suffix else []
        ignored += ["think"] if body.think else []
        what: dict[str, Any] = {"prompt": prompt}
    elif body.suffix and not body.template and model.insertion is not None:
        ignored += ["system"] if body.system else []
        what = {"prompt": model.insertion.prompt(prompt, body.suffix)}
    else:
        ignored += ["system"] if body.system and body.suffix else []
        what = _templated(body, prompt, model)
    if body.truncate:
        ignored.append("truncate")  # one message is never cut
    return _request(call, body, asked, ignored, context_ids=tuple(body.context or ()), **what)


def chat_request(call: Call, body: ChatBody, asked: Asked, model: ModelInfo) -> GenerationRequest:
    """The request of /api/chat with messages. Raises InvalidRequest."""
    messages = read_messages(body.messages or ())
    tools = read_tools(body.tools or ())
    last = messages[-1]
    return _request(
        call,
        body,
        asked,
        [],
        messages=with_preset_system(messages, model),
        tools=tools,
        tool_choice=read_tool_choice(body.tool_choice, tools),
        think=_think(body, model),
        # As in Ollama the model goes on with an answer that was begun for it.
        continues_last_message=(
            last.role == "assistant"
            and bool(last.content.strip())
            and "tool_calls" not in last.extra
        ),
        may_drop_messages=body.truncate is not False and body.shift is not False,
    )


def check_generate(body: GenerateBody, model: ModelInfo) -> None:
    """What this model, or this server, cannot do. Raises InvalidRequest or CapabilityMissing."""
    if body.raw and (body.template or body.system or body.context):
        raise InvalidRequest("raw mode does not support template, system, or context", field="raw")
    check_can(model, "generate", "completion", body.name)
    if body.suffix and not (body.template and SUFFIX in names_in(_template(body.template))):
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


def _templated(body: GenerateBody, prompt: str, model: ModelInfo) -> dict[str, Any]:
    """One exchange through the model's chat template, or the one in the request."""
    template = _template(body.template) if body.template else None
    if body.suffix:
        turns: tuple[Message, ...] = (Message("user", prompt),)
        return {"messages": turns, "template": template, "variables": {SUFFIX: body.suffix}}
    messages = [Message("system", body.system)] if body.system else []
    messages.append(Message("user", prompt))
    begun = replace(model, messages=()) if body.context else model
    return {
        "messages": with_preset_system(messages, begun),
        "template": template,
        "think": _think(body, model),
    }


def _template(text: str) -> str:
    """A template of the request as Jinja. Raises InvalidRequest."""
    if len(text) > LONGEST_TEMPLATE_CHARACTERS:
        raise InvalidRequest(
            f"template: at most {LONGEST_TEMPLATE_CHARACTERS} characters", field="template"
        )
    template = as_jinja(text)
    check_template(template)
    return template


def _think(body: InferenceBody, model: ModelInfo) -> Think:
    """What the request says; a model that can think does so unless told not to."""
    if body.think is None or body.think == "":
        return True if "thinking" in model.capabilities else None
    think: Think = body.think
    return think


def _request(
    call: Call,
    body: InferenceBody,
    asked: Asked,
    ignored: list[str],
    *,
    tools: tuple[dict[str, Any], ...] = (),
    **what: Any,
) -> GenerationRequest:
    options = read_options(body.options)
    schema = read_format(body.format)
    if body.shift:
        ignored.append("shift")  # an answer ends where the context does
    if body.top_logprobs:
        ignored.append("top_logprobs")  # the engine knows no alternatives
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
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        keep_alive_seconds=parse_keep_alive(body.keep_alive),
        ignored=(*options.ignored, *ignored),
        num_ctx=options.num_ctx,
        needs=needs_of(tools=bool(tools), schema=schema, logprobs=bool(body.logprobs)),
        wish=asked.wish,
        is_strict=asked.is_strict,
        is_streamed=body.wants_stream,
        **what,
    )
