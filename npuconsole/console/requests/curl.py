"""A kept prompt as a command for a terminal, in the words of the API it came by. Pure.

Everything but ASCII is escaped in the JSON, and the JSON is quoted for a POSIX shell: what somebody
wrote into a prompt stays text when it is pasted.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]

_OLLAMA_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "repetition_penalty": "repeat_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "max_tokens": "num_predict",
    "stop": "stop",
}


def curl(address: str, path: str, body: Body | None = None) -> str:
    """The command that sends that body, or that just gets the path."""
    url = shlex.quote(f"{address}{path}")
    if body is None:
        return f"curl {url}"
    text = json.dumps(body, ensure_ascii=True, separators=(", ", ": "))
    return f"curl {url} -H 'Content-Type: application/json' -d {shlex.quote(text)}"


def request_command(address: str, family: str, model: str, prompt: Mapping[str, Any]) -> str:
    """The command that asks the same again. The answer comes in one piece, so that it can be
    read."""
    if "inputs" in prompt:
        path = "/api/embed" if family == "ollama" else "/v1/embeddings"
        return curl(address, path, {"model": model, "input": prompt["inputs"]})
    if "messages" not in prompt:
        return curl(address, "/api/generate", _generate(model, prompt))
    if family == "ollama":
        return curl(address, "/api/chat", _ollama_chat(model, prompt))
    if family == "anthropic" and _is_plain(prompt):
        return curl(address, "/v1/messages", _anthropic(model, prompt))
    return curl(address, "/v1/chat/completions", _openai_chat(model, prompt))


def _generate(model: str, prompt: Mapping[str, Any]) -> Body:
    body: Body = {"model": model, "prompt": prompt.get("prompt", "")}
    if prompt.get("suffix"):
        body["suffix"] = prompt["suffix"]
    else:
        body["raw"] = True  # as the log has it, the template is applied already
    return {**body, **_ollama_rest(prompt)}


def _ollama_chat(model: str, prompt: Mapping[str, Any]) -> Body:
    messages = [
        {"role": message["role"], "content": message["content"], **message.get("extra", {})}
        for message in prompt["messages"]
    ]
    body: Body = {"model": model, "messages": messages}
    if prompt.get("tools"):
        body["tools"] = prompt["tools"]
    if prompt.get("think") is not None:
        body["think"] = prompt["think"]
    return {**body, **_ollama_rest(prompt)}


def _ollama_rest(prompt: Mapping[str, Any]) -> Body:
    options = {_OLLAMA_OPTIONS[k]: v for k, v in _sampling(prompt).items() if k in _OLLAMA_OPTIONS}
    if prompt.get("num_ctx"):
        options["num_ctx"] = prompt["num_ctx"]
    body: Body = {"options": options} if options else {}
    if prompt.get("schema"):
        body["format"] = prompt["schema"]["schema"]
    return {**body, "stream": False}


def _openai_chat(model: str, prompt: Mapping[str, Any]) -> Body:
    body: Body = {"model": model, "messages": [_openai_message(m) for m in prompt["messages"]]}
    body.update(_sampling(prompt))
    if prompt.get("tools"):
        body["tools"] = prompt["tools"]
        choice = prompt.get("tool_choice") or {}
        body.update({"tool_choice": choice["mode"]} if choice.get("mode") else {})
    if prompt.get("schema"):
        schema = {"name": "answer", "schema": prompt["schema"]["schema"]}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if prompt.get("variables"):
        body["chat_template_kwargs"] = prompt["variables"]
    return body


def _openai_message(message: Mapping[str, Any]) -> Body:
    extra = dict(message.get("extra", {}))
    if calls := extra.get("tool_calls"):
        extra["tool_calls"] = [
            {
                **call,
                "function": {
                    **call["function"],
                    "arguments": json.dumps(call["function"].get("arguments", {})),
                },
            }
            for call in calls
        ]
    return {"role": message["role"], "content": message["content"], **extra}


def _is_plain(prompt: Mapping[str, Any]) -> bool:
    """Whether the conversation is text alone: of tools the log has OpenAI's form."""
    return not prompt.get("tools") and not any(m.get("extra") for m in prompt["messages"])


def _anthropic(model: str, prompt: Mapping[str, Any]) -> Body:
    sampling = _sampling(prompt)
    system = [m["content"] for m in prompt["messages"] if m["role"] == "system"]
    turns = [m for m in prompt["messages"] if m["role"] != "system"]
    body: Body = {"model": model, "max_tokens": sampling.get("max_tokens", 1024)}
    if system:
        body["system"] = "\n\n".join(system)
    body["messages"] = [{"role": m["role"], "content": m["content"]} for m in turns]
    body.update({k: sampling[k] for k in ("temperature", "top_p", "top_k") if k in sampling})
    if sampling.get("stop"):
        body["stop_sequences"] = sampling["stop"]
    return body


def _sampling(prompt: Mapping[str, Any]) -> dict[str, Any]:
    return dict(prompt.get("sampling") or {})
