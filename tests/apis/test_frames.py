"""Every byte of the streams, and the objects of answers that are not streamed."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.apis.conftest import MODEL

USER = [{"role": "user", "content": "Count from one to ten in words."}]
GREEDY = {"num_predict": 8, "temperature": 0}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def lines_of(client: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The frames of an NDJSON stream, with their form checked."""
    with client.stream("POST", path, json=body) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Content-Length" not in answer.headers
        text = answer.read().decode()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def chunks_of(client: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of an SSE stream without the end mark, with their form checked."""
    with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        text = answer.read().decode()
    events = text.split("\n\n")
    assert events[-1] == ""
    assert events[-2] == "data: [DONE]"
    assert all(event.startswith("data: {") for event in events[:-2])
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def assert_measured(last: dict[str, Any], *, tokens: int) -> None:
    names = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
    assert all(isinstance(last[name], int) and last[name] > 0 for name in names), last
    assert last["total_duration"] >= last["prompt_eval_duration"] + last["eval_duration"]
    assert last["prompt_eval_count"] > 20
    assert last["eval_count"] == tokens


@pytest.mark.parametrize("name", [MODEL, "smollm2:135M", "SmolLM2:135m"])
def test_chat_streams_by_default_and_echoes_the_name_as_sent(
    client: httpx.Client, name: str
) -> None:
    frames = lines_of(client, "/api/chat", {"model": name, "messages": USER, "options": GREEDY})

    *texts, last = frames
    for frame in texts:
        assert set(frame) == {"model", "created_at", "message", "done"}
        assert frame["message"]["role"] == "assistant"
        assert set(frame["message"]) == {"role", "content"}
        assert frame["message"]["content"]
        assert frame["done"] is False
    assert len(texts) >= 4
    assert last["message"] == {"role": "assistant", "content": ""}
    assert (last["done"], last["done_reason"]) == (True, "length")
    assert "context" not in last
    assert_measured(last, tokens=8)
    assert {frame["model"] for frame in frames} == {name}
    moments = [frame["created_at"] for frame in frames]
    assert all(MOMENT.fullmatch(moment) for moment in moments)
    assert all(datetime.fromisoformat(a) <= datetime.fromisoformat(b) for a, b in pairwise(moments))


def test_a_chat_that_is_not_streamed_says_the_same(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "options": GREEDY}
    streamed = lines_of(client, "/api/chat", body)

    answer = client.post("/api/chat", json={**body, "stream": False})

    whole = answer.json()
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Content-Length"]
    assert whole["message"] == {
        "role": "assistant",
        "content": "".join(frame["message"]["content"] for frame in streamed),
    }
    assert whole["done"] is True
    assert_measured(whole, tokens=8)


def test_generate_ends_with_the_context_which_continues_the_conversation(
    client: httpx.Client,
) -> None:
    body = {"model": MODEL, "prompt": "My name is Bo. Say hello.", "options": GREEDY}

    *texts, last = lines_of(client, "/api/generate", body)

    assert all(set(f) == {"model", "created_at", "response", "done"} for f in texts)
    assert last["response"] == ""
    assert_measured(last, tokens=8)
    assert len(last["context"]) == last["prompt_eval_count"] + last["eval_count"]
    more = client.post(
        "/api/generate",
        json={**body, "prompt": "And my name?", "context": last["context"], "stream": False},
    ).json()
    assert more["prompt_eval_count"] > len(last["context"])
    assert more["context"][: len(last["context"])] == last["context"]


def test_raw_sends_the_prompt_as_it_is_and_gives_no_context(client: httpx.Client) -> None:
    body = {"model": MODEL, "prompt": "One, two,", "stream": False, "options": GREEDY}

    raw = client.post("/api/generate", json={**body, "raw": True}).json()
    templated = client.post("/api/generate", json=body).json()

    assert "context" not in raw
    assert raw["prompt_eval_count"] < 8 < templated["prompt_eval_count"]


def test_the_rendered_prompt_can_be_seen_without_an_engine(client: httpx.Client) -> None:
    chat = client.post(
        "/api/chat", json={"model": MODEL, "messages": USER, "_debug_render_only": True}
    ).json()
    generated = client.post(
        "/api/generate",
        json={"model": MODEL, "prompt": "Hi", "system": "Brief.", "_debug_render_only": True},
    ).json()

    assert chat["done"] is False
    assert chat["_debug_info"]["image_count"] == 0
    assert "Count from one to ten in words.<|im_end|>" in chat["_debug_info"]["rendered_template"]
    assert generated["_debug_info"]["rendered_template"] == (
        "<|im_start|>system\nBrief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_openai_chunks_have_one_identity_the_role_first_and_the_reason_last(
    client: httpx.Client,
) -> None:
    body = {"model": MODEL, "messages": USER, "temperature": 0, "max_tokens": 8}

    first, *middle, last = chunks_of(client, body)

    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    for chunk in middle:
        (choice,) = chunk["choices"]
        assert set(choice["delta"]) == {"content"}
        assert choice["delta"]["content"]
        assert choice["finish_reason"] is None
        assert choice["logprobs"] is None
    assert last["choices"] == [
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}
    ]
    everything = [first, *middle, last]
    assert len({(c["id"], c["created"], c["model"], c["object"]) for c in everything}) == 1
    assert first["id"].startswith("chatcmpl-")
    assert first["object"] == "chat.completion.chunk"
    assert all("usage" not in chunk for chunk in everything)


def test_openai_usage_comes_in_a_chunk_of_its_own_when_asked_for(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "temperature": 0, "max_tokens": 8}

    *others, last = chunks_of(client, {**body, "stream_options": {"include_usage": True}})

    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 8
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 8
    assert all(chunk["usage"] is None for chunk in others)


def test_an_openai_answer_has_every_field_that_strict_clients_want(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "temperature": 0, "max_tokens": 8}

    answer = client.post("/v1/chat/completions", json=body)

    whole = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    (choice,) = whole["choices"]
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks_of(client, body))
    assert choice == {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
        "logprobs": None,
        "finish_reason": "length",
    }
    assert set(whole) == {
        "id", "object", "created", "model", "system_fingerprint", "choices", "usage",
    }  # fmt: skip


def test_openai_gives_n_answers_and_counts_the_prompt_once(client: httpx.Client) -> None:
    body = {"model": MODEL, "messages": USER, "max_tokens": 6, "seed": 1, "temperature": 1.2}

    one = client.post("/v1/chat/completions", json=body).json()
    three = client.post("/v1/chat/completions", json={**body, "n": 3}).json()

    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in three["choices"]}) > 1
    assert three["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert three["usage"]["completion_tokens"] <= 18


def test_text_of_any_script_survives_json(client: httpx.Client) -> None:
    """Half characters are never sent, whatever the tokens are cut into."""
    body = {
        "model": MODEL,
        "prompt": "日本語 😀 é: 日本語 😀 é: 日本語 😀 é:",
        "raw": True,
        "options": {"num_predict": 24, "temperature": 0},
    }

    text = "".join(frame["response"] for frame in lines_of(client, "/api/generate", body))

    assert "\ufffd" not in text.rstrip("\ufffd")
    assert text
