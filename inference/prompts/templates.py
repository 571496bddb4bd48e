"""A model's own chat template, rendered with Jinja in a sandbox.

OpenVINO GenAI's built-in renderer misreads common templates; templates come
with models, that is from strangers, so they run in an immutable sandbox.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inference.errors import InvalidRequest
from inference.requests import Message

NO_TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
"""For models that bring no chat template: the plain text of all messages."""


class _Refusal(Exception):
    """A template called raise_exception."""


def render_chat(
    template: str,
    messages: Sequence[Message],
    *,
    tools: Sequence[Any] = (),
    special_tokens: dict[str, str] | None = None,
) -> str:
    """The prompt text of a conversation, with the beginning of the assistant's answer.

    `special_tokens` are bos_token, eos_token and the like, which templates may name. Raises
    InvalidRequest with the template's own words if it refuses the messages.
    """
    turns = [{"role": m.role, "content": m.content, **m.extra} for m in messages]
    try:
        return _compile(template or NO_TEMPLATE).render(
            messages=turns,
            tools=list(tools) or None,
            add_generation_prompt=True,
            **(special_tokens or {}),
        )
    except _Refusal as refusal:
        raise InvalidRequest(f"the chat template refuses: {refusal}", field="messages") from refusal
    except TemplateError as error:
        raise InvalidRequest(
            f"the model's chat template cannot be rendered: {error}", field="template"
        ) from error


@functools.lru_cache(maxsize=64)
def _compile(text: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    try:
        return environment.from_string(text)
    except TemplateError as error:
        raise InvalidRequest(
            f"the chat template is not valid: {error}", field="template"
        ) from error


def _refuse(message: str) -> None:
    raise _Refusal(message)


def _to_json(value: Any, indent: int | None = None) -> str:
    """Like transformers' tojson, with its spaces after commas and colons, and not escaped for
    HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)
