"""What is too deep or too long inside of a body that is none too large: an error, and at once."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.apis.conftest import MODEL

CHATS = ("/api/chat", "/v1/chat/completions", "/v1/messages", "/v1/responses")
USER = {"role": "user", "content": "Hi"}
DEEPEST_READ = 985
"""Levels. What is deeper is no JSON to the parser."""


def nested_schema(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def tool_of(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    if path == "/v1/messages":
        return {"name": "f", "input_schema": schema}
    if path == "/v1/responses":
        return {"type": "function", "name": "f", "parameters": schema}
    return {"type": "function", "function": {"name": "f", "parameters": schema}}


def body_of(path: str, **fields: Any) -> dict[str, Any]:
    turns = "input" if path == "/v1/responses" else "messages"
    short = {"options": {"num_predict": 1}} if path == "/api/chat" else {"max_tokens": 1}
    return {"model": MODEL, turns: [USER], "stream": False, **short, **fields}


@pytest.mark.parametrize("path", CHATS)
def test_a_tools_schema_that_is_nested_too_deeply(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json=body_of(path, tools=[tool_of(path, nested_schema(100))]))

    assert answer.status_code == 400, answer.text
    assert "nested too deeply" in answer.text


@pytest.mark.parametrize("path", CHATS[:3])
def test_an_earlier_call_whose_arguments_are_nested_too_deeply(
    client: httpx.Client, path: str
) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "DEEP"}}
    turn: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": [call]}
    if path == "/v1/messages":
        turn["content"] = [{"type": "tool_use", "id": "c", "name": "f", "input": "DEEP"}]
    body = json.dumps(body_of(path, messages=[USER, turn, USER]))
    deep = '{"a":' * DEEPEST_READ + "1" + "}" * DEEPEST_READ

    answer = client.post(path, content=body.replace('"DEEP"', deep))

    assert answer.status_code == 400, answer.text
    assert "nested too deeply" in answer.text


@pytest.mark.parametrize("path", CHATS[:2])
def test_a_turn_with_more_calls_than_anybody_makes(client: httpx.Client, path: str) -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": [{}] * 50_000}

    answer = client.post(path, json=body_of(path, messages=[USER, turn, USER]))

    assert answer.status_code == 400
    assert "tool_calls" in answer.text


def test_a_result_with_more_blocks_than_anybody_sends(client: httpx.Client) -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    blocks = [{"type": "text", "text": ""}] * 50_000
    result = {"type": "tool_result", "tool_use_id": "c", "content": blocks}
    turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]

    answer = client.post("/v1/messages", json=body_of("/v1/messages", messages=[USER, *turns]))

    assert answer.status_code == 400
    assert "tool_result" in answer.text


def test_parameters_of_a_new_model_that_no_header_could_name(client: httpx.Client) -> None:
    odd = {"a\nb": 1, "odd": 2}
    body = {"model": "odd", "from": MODEL, "parameters": odd, "stream": False}

    answer = client.post("/api/create", json=body)

    assert answer.json() == {"status": "success"}
    assert answer.headers["X-NPU-Proxy-Ignored"] == "odd"
    client.request("DELETE", "/api/delete", json={"model": "odd"})
