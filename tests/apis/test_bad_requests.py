"""Whatever a client sends, it gets its family's answer, one line in the log, and nothing breaks."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.apis.conftest import MODEL, log_lines
from tests.appliance_process import Appliance

USER = [{"role": "user", "content": "hi"}]
CHAT = {"model": MODEL, "messages": USER, "stream": False, "options": {"num_predict": 2}}
OPENAI_CHAT = {"model": MODEL, "messages": USER, "max_tokens": 2}
PATHS = ("/api/chat", "/api/generate", "/api/show", "/api/pull", "/v1/chat/completions")


def error_text(answer: httpx.Response) -> str:
    """The message of either family's error."""
    error = answer.json()["error"]
    return str(error if isinstance(error, str) else error["message"])


def assert_refused(api: Appliance, answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    text = error_text(answer)
    assert all(word in text for word in words), text
    request_id = answer.headers["X-Request-ID"]
    lines = log_lines(api, request_id)
    assert len(lines) == 1, lines
    assert "Traceback" not in api.output


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{nope", "invalid JSON"),
        (b'{"model": "x", "stream": tru', "invalid JSON"),
        (b'{"model": "\xff\xfe"}', "invalid JSON"),
        (b'{"model": NaN}', "invalid JSON"),
        (b'{"options": {"temperature": 1e999}}', "invalid JSON"),
        (b'{"a":' * 5000, "invalid JSON"),
        (b"", "missing request body"),
        (b"[]", "the request body must be a JSON object"),
        (b'"text"', "the request body must be a JSON object"),
        (b"null", "the request body must be a JSON object"),
    ],
)
def test_a_body_that_is_no_object_is_400(
    api: Appliance, client: httpx.Client, path: str, body: bytes, words: str
) -> None:
    assert_refused(api, client.post(path, content=body), 400, words)


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        ("/api/chat", {"model": 5}, "model: Input should be a valid string"),
        ("/api/chat", {"messages": "nope"}, "messages: Input should be a valid list"),
        ("/api/chat", {"messages": [5]}, "messages[0]: Input should be a valid dictionary"),
        ("/api/chat", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ("/api/chat", {"messages": [{"role": "alien", "content": "x"}]}, "invalid role: 'alien'"),
        ("/api/chat", {"stream": "yes"}, "stream"),
        ("/api/chat", {"options": []}, "options"),
        ("/api/chat", {"keep_alive": True}, "keep_alive"),
        ("/api/chat", {"keep_alive": "soon"}, "keep_alive: invalid duration"),
        ("/api/chat", {"format": "xml"}, 'invalid format: "xml"; expected "json" or a valid JSON'),
        ("/api/chat", {"think": "hard"}, "think must be"),
        ("/api/chat", {"think": True}, f'"{MODEL}" does not support thinking'),
        ("/api/chat", {"tools": [{}]}, "tools[0].function: must be an object"),
        ("/api/chat", {"tool_choice": "required"}, "tool_choice: there are no tools"),
        (
            "/api/chat",
            {"messages": [{"role": "user", "content": "x", "images": ["aGk="]}]},
            "does not support vision",
        ),
        ("/api/chat", {"top_logprobs": 21}, "top_logprobs must be between 0 and 20"),
        ("/api/chat", {"messages": [{"role": "user"}] * 10_001}, "messages: List should have at"),
        ("/api/chat", {"options": {f"k{n}": 1 for n in range(300)}}, "options"),
        ("/api/chat", {"format": {"description": "x" * 300_000}}, "format: the schema has more"),
        ("/api/chat", {"model": "a b"}, "invalid model name"),
        ("/api/chat", {"model": ""}, "model is required"),
        ("/api/generate", {"prompt": ["x"]}, "prompt"),
        ("/api/generate", {"prompt": "x", "suffix": "y"}, "does not support insert"),
        ("/api/generate", {"prompt": "x", "images": ["aGk="]}, "does not support vision"),
        (
            "/api/generate",
            {"prompt": "x", "template": "{{ .Nope }}"},
            "template: .Nope is not known",
        ),
        ("/api/generate", {"prompt": "x", "template": "{% if %}"}, "template is not valid"),
        (
            "/api/generate",
            {"prompt": "x", "raw": True, "system": "y"},
            "raw mode does not support template, system, or context",
        ),
        ("/api/generate", {"prompt": "x", "context": [-1]}, "context"),
        ("/api/generate", {"prompt": "x", "context": [10**9]}, "context"),
        ("/api/generate", {"prompt": "x", "context": ["a"]}, "context[0]"),
        ("/api/show", {"model": ""}, "model is required"),
        ("/api/pull", {"model": ""}, "invalid model name"),
        ("/api/pull", {"model": "a b", "stream": False}, "invalid model name"),
        ("/api/pull", {"model": "x@moon", "stream": False}, "is not a device"),
        ("/api/push", {"model": ""}, "model is required"),
        ("/api/create", {"model": ""}, "invalid model name"),
        ("/api/create", {"model": "x"}, "neither 'from' or 'files' was specified"),
        ("/api/create", {"model": "x", "files": {}}, "no files provided to convert"),
        ("/api/create", {"model": "x", "files": {"/x": "y"}}, "file path must be relative"),
        ("/api/create", {"model": "x", "files": {"../x": "y"}}, "file path must be relative"),
        ("/api/create", {"model": "x", "files": {"x": "sha256:1"}}, "invalid digest format"),
        ("/api/create", {"model": "x", "files": {"x": "sha256:" + "0" * 64}}, "is not here"),
        ("/api/create", {"model": "x", "from": MODEL, "quantize": "q2_K"}, "q8_0"),
        ("/api/create", {"model": "x", "files": {"x": "y"}, "quantize": "q4_0"}, "installed model"),
        ("/api/create", {"model": "x", "from": MODEL, "adapters": {"a": "b"}}, "adapters"),
        (
            "/api/create",
            {"model": "x", "from": MODEL, "parameters": {"temperature": "hot"}},
            'option "temperature" must be of type float32',
        ),
        (
            "/api/create",
            {"model": "x", "from": MODEL, "template": '{{ template "x" }}'},
            'template: {{ template "x" }} is not supported',
        ),
        (
            "/api/create",
            {"model": "x", "from": MODEL, "messages": [{"role": "tool", "content": "x"}]},
            "invalid role: 'tool'",
        ),
        ("/api/copy", {"source": "a b", "destination": "x"}, 'source "a b" is invalid'),
        ("/api/copy", {"source": MODEL, "destination": ""}, 'destination "" is invalid'),
    ],
)
def test_ollama_refuses_in_its_own_words(
    api: Appliance, client: httpx.Client, path: str, change: dict[str, Any], words: str
) -> None:
    body = {**CHAT, **change} if path == "/api/chat" else {"model": MODEL, **change}

    assert_refused(api, client.post(path, json=body), 400, words)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"model": None}, "model", "model is required"),
        ({"model": 5}, "model", "valid string"),
        ({"messages": []}, "messages", "[] is too short - 'messages'"),
        ({"messages": [{"role": "alien", "content": "x"}]}, "messages[0].role", "alien"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid mess"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
            None,
            "does not support vision",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}],
                    }
                ]
            },
            "messages[0].content",
            "image URLs are not currently supported",
        ),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"max_tokens": -1}, "max_tokens", "at least 1"),
        ({"max_completion_tokens": -5}, "max_completion_tokens", "at least 1"),
        ({"max_tokens": "many"}, "max_tokens", "valid integer"),
        ({"temperature": -1}, "temperature", "negative"),
        ({"temperature": 1e9}, "temperature", "between 0 and 100"),
        ({"top_p": 2}, "top_p", "between 0 and 1"),
        ({"top_p": -0.5}, "top_p", "negative"),
        ({"frequency_penalty": 3}, "frequency_penalty", "between -2 and 2"),
        ({"presence_penalty": -3}, "presence_penalty", "between -2 and 2"),
        ({"n": 0}, "n", "between 1 and"),
        ({"n": 1000}, "n", "between 1 and"),
        ({"stop": ["x"] * 100}, "stop", "at most"),
        ({"stop": [5]}, "stop[0]", "valid string"),
        ({"top_logprobs": 21}, "top_logprobs", "between 0 and 20"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "must be an object"),
        ({"tool_choice": "required"}, "tool_choice", "no tools"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "must be one of"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema.schema",
            "must be an object",
        ),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "must be one of"),
    ],
)
def test_openai_refuses_with_an_error_object_that_names_the_field(
    api: Appliance, client: httpx.Client, change: dict[str, Any], field: str | None, words: str
) -> None:
    answer = client.post("/v1/chat/completions", json={**OPENAI_CHAT, **change})

    assert_refused(api, answer, 400, words)
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == field
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"top_k": [1]}, 'option "top_k" must be of type integer'),
        ({"stop": "x"}, 'option "stop" must be of type array'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
        ({"temperature": 1e9}, "temperature must be between"),
        ({"repeat_penalty": -1}, 'option "repeat_penalty" must be above 0'),
        ({"presence_penalty": 1e6}, "presence_penalty must be between"),
    ],
)
def test_options_that_cannot_be_used_are_400_and_named(
    api: Appliance, client: httpx.Client, options: dict[str, Any], words: str
) -> None:
    assert_refused(api, client.post("/api/chat", json={**CHAT, "options": options}), 400, words)


@pytest.mark.parametrize(
    "options",
    [
        {"num_predict": -1, "stop": ["e"]},
        {"num_predict": 10**12, "stop": ["e"]},
        {"num_predict": 2.9},
        {"top_p": 7, "num_predict": 2},
        {"top_k": -3, "num_predict": 2},
        {"top_k": 1e18, "num_predict": 2},
        {"min_p": -1, "num_predict": 2},
        {"seed": -5, "num_predict": 2},
        {"seed": 1e300, "num_predict": 2},
        {"temperature": -1, "num_predict": 2},
        {"temperature": None, "num_predict": 2},
        {"num_ctx": -1, "num_predict": 2},
        {"no_such_option": {"a": [1]}, "num_predict": 2},
    ],
)
def test_odd_options_that_mean_something_are_served(
    client: httpx.Client, options: dict[str, Any]
) -> None:
    answer = client.post("/api/chat", json={**CHAT, "options": options})

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "image/png",
        "application/json; charset=utf-16",
    ],
)
def test_any_content_type_is_read_as_json(client: httpx.Client, kind: str) -> None:
    answer = client.post(
        "/api/chat", content=json.dumps(CHAT).encode(), headers={"Content-Type": kind}
    )

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/api/nothing", 404, "404 page not found"),
        ("POST", "/v1/no/such/path", 404, "404 page not found"),
        ("GET", "/api/chat", 405, "405 method not allowed"),
        ("DELETE", "/v1/models", 405, "405 method not allowed"),
        ("POST", "/api/tags", 405, "405 method not allowed"),
        ("POST", "/", 405, "405 method not allowed"),
    ],
)
def test_unknown_paths_and_methods_get_plain_text(
    client: httpx.Client, method: str, path: str, status: int, text: str
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("method", "path", "status", "target"),
    [
        ("GET", "/api/tags/", 301, "/api/tags"),
        ("GET", "/v1/models/?a=1", 301, "/v1/models?a=1"),
        ("POST", "/api/chat/", 307, "/api/chat"),
        ("POST", "/api/nothing/", 404, None),
        ("GET", "/v1/models/a%0d%0aX-Evil:%201/", 404, None),
        ("GET", "/v1/models/a%0dX-Evil:%201/", 301, "/v1/models/a%0DX-Evil%3A%201"),
        ("GET", "/v1/models/%E6%97%A5/", 301, "/v1/models/%E6%97%A5"),
    ],
)
def test_a_slash_at_the_end_leads_to_the_route(
    client: httpx.Client, method: str, path: str, status: int, target: str | None
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.headers.get("Location")) == (status, target)


def test_what_clients_send_makes_no_lines_of_its_own_in_the_log(
    api: Appliance, client: httpx.Client
) -> None:
    client.post("/api/show", json={"model": "a\nFORGED LINE"})
    client.get("/api/%0aFORGED%20PATH")

    assert not [line for line in api.lines if line.startswith("FORGED")]


def test_an_error_leaves_the_connection_usable(client: httpx.Client) -> None:
    first = client.post("/api/chat", content=b"{nope")
    second = client.get("/api/version")

    ports = {r.extensions["network_stream"].get_extra_info("client_addr") for r in (first, second)}
    assert len(ports) == 1
