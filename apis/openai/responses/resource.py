"""The response object: what of it is known before the answer, and the whole. Pure.

Every key is always there: strict clients refuse a response that lacks one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apis.openai.responses.schemas import Format, ResponsesBody
from inference.requests import Finished, Sampling


def echo_of(
    body: ResponsesBody,
    sampling: Sampling,
    *,
    tools: Sequence[Mapping[str, Any]],
    tool_choice: str | Mapping[str, Any],
    is_parallel: bool,
) -> dict[str, Any]:
    """What the response repeats of its request, with the values that are in force."""
    reasoning = body.reasoning
    summary = (reasoning.summary or reasoning.generate_summary) if reasoning else None
    text: dict[str, Any] = {"format": _format(body.text.format if body.text else None)}
    if body.text and body.text.verbosity:
        text["verbosity"] = body.text.verbosity
    echo = {
        "model": body.name,
        "instructions": body.instructions,
        "previous_response_id": None,
        "background": False,
        "store": False,
        "tools": list(tools),
        "tool_choice": tool_choice,
        "parallel_tool_calls": is_parallel,
        "max_tool_calls": body.max_tool_calls,
        "text": text,
        "reasoning": {
            "effort": (reasoning.effort or None) if reasoning else None,
            "summary": summary,
        },
        "truncation": body.truncation or "disabled",
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty or 0.0,
        "frequency_penalty": sampling.frequency_penalty or 0.0,
        "top_logprobs": body.top_logprobs or 0,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "service_tier": "default",
        "safety_identifier": body.safety_identifier,
        "prompt_cache_key": body.prompt_cache_key,
    }
    return {**echo, "user": body.user} if body.user else echo


def response_object(
    echo: Mapping[str, Any],
    *,
    response_id: str,
    created_at: int,
    status: str,
    output: Sequence[Mapping[str, Any]] = (),
    completed_at: int | None = None,
    incomplete_reason: str | None = None,
    error: Mapping[str, Any] | None = None,
    usage: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole object; times are unix seconds."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "completed_at": completed_at,
        "status": status,
        "incomplete_details": {"reason": incomplete_reason} if incomplete_reason else None,
        "error": error,
        **echo,
        "output": list(output),
        "usage": usage,
    }


def usage_of(finished: Finished) -> dict[str, Any]:
    """Token counts. What the engine took from its prefix cache it does not tell."""
    return {
        "input_tokens": finished.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": finished.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": finished.thinking_tokens},
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
    }


def _format(wanted: Format | None) -> dict[str, Any]:
    if wanted is None or wanted.type != "json_schema":
        return {"type": wanted.type if wanted else "text"}
    return {
        "type": "json_schema",
        "name": wanted.name or "answer",
        "description": wanted.description,
        "schema": wanted.schema_,
        "strict": wanted.strict is not False,
    }
