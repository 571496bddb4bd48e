"""Bodies that are too large, and what is too deep or too long inside of smaller ones."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.apis.conftest import MODEL
from tests.apis.test_bad_requests import CHAT, OPENAI_CHAT, assert_refused
from tests.appliance_process import Appliance

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


def test_a_prompt_of_five_megabytes_is_400_with_the_numbers(
    api: Appliance, client: httpx.Client
) -> None:
    text = "five megabytes of words " * 210_000

    for path, body in (
        ("/api/chat", {**CHAT, "messages": [{"role": "user", "content": text}]}),
        ("/v1/chat/completions", {**OPENAI_CHAT, "messages": [{"role": "user", "content": text}]}),
    ):
        answer = client.post(path, json=body)
        assert_refused(api, answer, 400, "longer than the context length", "CPU 8192")


def test_the_context_error_has_openais_code(client: httpx.Client) -> None:
    messages = [{"role": "user", "content": "word " * 9000}]

    error = client.post("/v1/chat/completions", json={**OPENAI_CHAT, "messages": messages}).json()[
        "error"
    ]

    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")


def test_a_body_over_the_cap_is_413_and_the_connection_stays_usable(client: httpx.Client) -> None:
    body = b'{"model": "' + b"x" * (33 * 2**20) + b'"}'

    answer = client.post("/api/chat", content=body)
    again = client.get("/api/version")

    assert answer.status_code == 413
    assert answer.json() == {"error": "the request body has more than 33554432 bytes"}
    assert again.status_code == 200
    ports = {r.extensions["network_stream"].get_extra_info("client_addr") for r in (answer, again)}
    assert len(ports) == 1, "the same connection"


def test_a_body_over_the_cap_that_hides_its_length_is_413(client: httpx.Client) -> None:
    answer = client.post("/api/chat", content=iter([b"x" * 2**20] * 33))

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "depth", [200, 300, 900], ids=["allowed", "too deep to write", "nearly too deep to read"]
)
def test_a_deeply_nested_schema_is_answered(client: httpx.Client, depth: int) -> None:
    schema = '{"properties": {"a": ' * (depth // 2) + "{}" + "}}" * (depth // 2)
    body = json.dumps(CHAT).removesuffix("}") + f', "format": {schema}}}'

    answer = client.post("/api/chat", content=body.encode())

    assert answer.status_code in (200, 400), answer.text
    assert "internal" not in answer.text
