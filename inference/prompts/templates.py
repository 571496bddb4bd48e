"""A model's own chat template, from messages to the prompt's text.

OpenVINO GenAI's built-in renderer misreads common templates, so they are rendered here, by Jinja
(`sandbox.py`). What models bring is brought into one text by `template_files.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import TemplateError

from inference.errors import InvalidRequest
from inference.prompts import sandbox
from inference.prompts.metering import Meter, OverLimit
from inference.requests import Message

NO_TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
"""For models that bring no chat template: the plain text of all messages."""

IN_THREAD_ABOVE_CHARACTERS = 20_000
"""Rendering this much takes some 3 ms, about the most the event loop may be held."""

OURS = frozenset({"messages", "tools", "add_generation_prompt", "continue_final_message"})
"""Template variables that `variables` may not set."""

Turn = dict[str, Any]

_BROKEN = (
    TemplateError,
    OverLimit,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


async def render(template: str, messages: Sequence[Message], **options: Any) -> str:
    """`render_chat`, off the event loop when there is much to render."""
    size = _size(messages) + _size(options.get("tools"))
    if size <= IN_THREAD_ABOVE_CHARACTERS:
        return render_chat(template, messages, **options)
    return await asyncio.to_thread(render_chat, template, messages, **options)


def render_chat(
    template: str,
    messages: Sequence[Message],
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    documents: Sequence[Mapping[str, Any]] = (),
    special_tokens: Mapping[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
    continue_final_message: bool = False,
) -> str:
    """The prompt text of a conversation, with the beginning of the assistant's answer.

    `special_tokens` are bos_token, eos_token and the like, which templates may name; `variables`
    are further ones (enable_thinking, what a client sends as chat_template_kwargs). With
    `continue_final_message` the text ends in the middle of the last message, so that the model goes
    on with it. Some templates insist on turns that alternate, or refuse a system message; the
    conversation is then arranged as they like. Raises InvalidRequest with the template's own words
    if it refuses all the same.
    """
    values = {
        **(special_tokens or {}),
        "documents": list(documents) or None,
        **{name: value for name, value in (variables or {}).items() if name not in OURS},
        "tools": list(tools) or None,
        "add_generation_prompt": not continue_final_message,
        "continue_final_message": continue_final_message,
    }
    refusal: sandbox.Refusal | None = None
    for turns in _arrangements([_turn(message) for message in messages]):
        meter = Meter(len(turns) + len(tools), _size(turns) + _size(tools) + _size(documents))
        try:
            text = sandbox.run_template(
                template or NO_TEMPLATE, {**values, "messages": turns}, meter
            )
        except sandbox.Refusal as error:
            refusal = refusal or error
        except _BROKEN as error:
            raise InvalidRequest(
                f"the model's chat template cannot be rendered: {error}", field="template"
            ) from error
        else:
            return _without_end(text, turns[-1]) if continue_final_message and turns else text
    raise InvalidRequest(f"the chat template refuses: {refusal}", field="messages") from refusal


def check_template(template: str) -> None:
    """Raises InvalidRequest when the text is no chat template at all."""
    try:
        sandbox.compile_template(template)
    except (TemplateError, RecursionError) as error:
        raise InvalidRequest(
            f"the chat template is not valid: {error}", field="template"
        ) from error


def _turn(message: Message) -> Turn:
    return {"role": message.role, "content": message.content, **message.extra}


def _arrangements(turns: list[Turn]) -> Iterator[list[Turn]]:
    """The turns as they are, then as templates with strict rules want them."""
    yield turns
    alternating = _joined(turns)
    if alternating != turns:
        yield alternating
    if len(alternating) > 1 and [turn["role"] for turn in alternating[:2]] == ["system", "user"]:
        yield [_together(alternating[0] | {"role": "user"}, alternating[1]), *alternating[2:]]


def _joined(turns: list[Turn]) -> list[Turn]:
    """Neighbours of one role as one turn; a system message after the first turn as the user's."""
    joined: list[Turn] = []
    for given in turns:
        is_late = given["role"] == "system" and joined and joined[-1]["role"] != "system"
        turn = given | {"role": "user"} if is_late else given
        last = joined[-1] if joined else None
        if last and last["role"] == turn["role"] != "tool" and "tool_calls" not in last:
            joined[-1] = _together(last, turn)
        else:
            joined.append(turn)
    return joined


def _together(first: Turn, second: Turn) -> Turn:
    content = "\n\n".join(text for text in (first["content"], second["content"]) if text)
    return first | second | {"content": content}


def _without_end(text: str, last: Turn) -> str:
    """The text up to the end of the last turn's content, without what the template puts behind
    it. Raises InvalidRequest when the template changes the content."""
    content = str(last["content"]).strip()
    at = text.rfind(content)
    if at < 0:
        raise InvalidRequest(
            "the model's chat template does not keep the last message as it is, so it cannot be "
            "continued",
            field="messages",
        )
    return text[: at + len(content)]


def _size(value: Any) -> int:
    """About the characters in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Message):
        return len(value.content) + _size(value.extra)
    if isinstance(value, Mapping):
        return sum(len(str(name)) + 4 + _size(part) for name, part in value.items())
    if isinstance(value, list | tuple):
        return sum(4 + _size(part) for part in value)
    return 4
