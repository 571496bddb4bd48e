"""A request in words: filters in an address, its line, its bar, its chain, and it as curl."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inference.records import RecordDraft
from npuconsole.console import figures
from npuconsole.console.requests.curl import curl, request_command
from npuconsole.console.requests.filters import Cursor, Filters
from npuconsole.console.requests.receipts import BAR_UNITS, chain_of, line_of, timeline
from tests.console.payloads import PAYLOADS

NOW = datetime(2026, 11, 25, 14, 0, 0, tzinfo=UTC)
SERVED = RecordDraft(
    request_id="req_" + "0" * 24,
    received_at=NOW - timedelta(minutes=3),
    family="ollama",
    endpoint="/api/chat",
    model_name="tiny:1m",
    outcome="stop",
    client="127.0.0.1",
    routed_device="NPU",
    execution_device="CPU",
    explanation="1,912 tokens: over the NPU's limit of 1,800, so CPU",
    prompt_tokens=1912,
    completion_tokens=84,
    queue_seconds=0.02,
    prefill_seconds=0.31,
    decode_seconds=1.98,
    ttft_seconds=0.33,
    total_seconds=2.31,
)
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": {"at": 1}}}


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ({}, ""),
        ({"model": "a:b", "device": "NPU", "page": "7"}, "?model=a%3Ab&device=NPU"),
        ({"family": "nobody", "time": "1y", "outcome": "failed"}, "?outcome=failed"),
        ({"client": "  10.0.0.1\x00 "}, "?client=10.0.0.1"),
        ({"time": "24h", "family": "openai"}, "?family=openai&time=24h"),
    ],
)
def test_filters_live_in_the_address(query: dict[str, str], address: str) -> None:
    filters = Filters.read(query)

    assert filters.address() == address
    assert filters.is_any == (address == "")


def test_a_request_is_found_by_its_id_where_clients_are_looked_for() -> None:
    assert Filters(client=SERVED.request_id + "_2").request_id == SERVED.request_id + "_2"
    assert Filters(client="127.0.0.1").request_id == ""


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "1-1-1", "9" * 40 + "-1", "1.5-2", "१-१"])
def test_a_place_that_is_none_is_the_beginning(text: str) -> None:
    assert Cursor.read(text) is None


def test_a_place_survives_its_address() -> None:
    place = Cursor(NOW + timedelta(microseconds=123_457), 42)

    assert Cursor.read(str(place)) == place


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0004, "0 ms"),
        (0.05, "50 ms"),
        (0.31, "0.31 s"),
        (0.997, "1.0 s"),
        (2.31, "2.3 s"),
        (14.2, "14 s"),
        (59.7, "1 min 0 s"),
        (125, "2 min 5 s"),
    ],
)
def test_durations(value: float, words: str) -> None:
    assert figures.seconds(value).replace("\xa0", " ") == words


@pytest.mark.parametrize(
    ("passed", "words"),
    [(2, "now"), (12, "12 s ago"), (200, "3 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_how_long_ago(passed: int, words: str) -> None:
    found = figures.ago(NOW - timedelta(seconds=passed), NOW)
    assert found.replace("\xa0", " ") == words


def test_a_line_says_where_it_ran_instead_and_why() -> None:
    line = line_of(SERVED, NOW, frozenset({"NPU"}))

    assert (line.device.name, line.device.emulated, line.instead_of) == ("CPU", False, "NPU")
    assert line.why == SERVED.explanation
    assert (line.mood, line.outcome, line.family) == ("good", "finished", "Ollama")
    assert line.speed.replace("\xa0", " ") == "42 tok/s"


@pytest.mark.parametrize(
    ("outcome", "mood", "words"),
    [
        ("length", "good", "cut at its token limit"),
        ("cancelled", "note", "stopped by the client"),
        ("engine_failed", "bad", "the engine failed"),
        ("something_new", "bad", "something new"),
    ],
)
def test_how_it_ended(outcome: str, mood: str, words: str) -> None:
    line = line_of(replace(SERVED, outcome=outcome), NOW, frozenset())

    assert (line.mood, line.outcome) == (mood, words)


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        ({}, []),
        ({"total": 1.0}, ["other"]),
        ({"queue": 0.02, "prefill": 0.31, "decode": 1.98, "total": 2.31}, None),
        ({"queue": 1, "load": 100, "prefill": 0.001, "decode": 3, "total": 104}, None),
        ({"prefill": 2.0, "decode": 2.0, "total": 1.0}, ["prefill", "decode"]),
        ({"decode": 1.0, "total": 2.0}, ["decode", "other"]),
    ],
)
def test_the_bar_fills_its_width_with_what_took_the_time(
    times: dict[str, float], parts: list[str] | None
) -> None:
    none = dict.fromkeys(("queue", "load", "prefill", "decode", "total"), 0.0)
    seconds = {f"{name}_seconds": value for name, value in (none | times).items()}

    bar = timeline(replace(SERVED, **seconds))  # type: ignore[arg-type]

    expected = [name for name in times if name != "total"] if parts is None else parts
    assert [part.name for part in bar] == expected
    assert sum(part.width for part in bar) == (BAR_UNITS if bar else 0)
    assert all(part.width > 0 for part in bar)
    assert [part.start for part in bar] == [
        sum(part.width for part in bar[:place]) for place in range(len(bar))
    ]


def test_the_chain_tells_every_device_with_its_error() -> None:
    steps = chain_of(
        [
            {"device": "NPU", "reason": "over_token_limit", "error": "over its limit of 1,800"},
            {"device": "GPU", "reason": "engine_failed", "error": "x" * 200, "tokens": 7},
            {"device": "CPU", "reason": "written_by_another_version", "error": "", "tokens": 77},
        ],
        frozenset({"NPU"}),
    )

    assert [step.mood for step in steps] == ["bad", "bad", "good"]
    assert steps[0].words == "over its limit of 1,800"
    assert steps[1].error == "x" * 200
    assert steps[2].words == "written by another version"
    assert [step.tokens.replace("\xa0", " ") for step in steps] == ["", "7 tokens", "77 tokens"]


def sent(command: str) -> tuple[str, Any]:
    """The path and the body that a shell would have curl send."""
    words = shlex.split(command)
    assert words[0] == "curl"
    path = words[1].removeprefix("http://here:1")
    return path, json.loads(words[words.index("-d") + 1]) if "-d" in words else None


@pytest.mark.parametrize(
    ("family", "prompt", "path", "expected"),
    [
        (
            "ollama",
            {"messages": MESSAGES, "sampling": {"max_tokens": 9, "temperature": 0.0}},
            "/api/chat",
            {"messages": MESSAGES, "options": {"num_predict": 9, "temperature": 0.0}},
        ),
        (
            "ollama",
            {"prompt": "def f(", "suffix": "return", "num_ctx": 512},
            "/api/generate",
            {"prompt": "def f(", "suffix": "return", "options": {"num_ctx": 512}},
        ),
        ("openai", {"prompt": "<|im_start|>"}, "/api/generate", {"raw": True}),
        (
            "openai",
            {"messages": MESSAGES, "sampling": {"stop": ["."]}, "schema": {"schema": {}}},
            "/v1/chat/completions",
            {"stop": ["."]},
        ),
        (
            "anthropic",
            {"messages": MESSAGES, "sampling": {"max_tokens": 9, "stop": ["."]}},
            "/v1/messages",
            {"system": "Be brief.", "max_tokens": 9, "stop_sequences": ["."]},
        ),
        (
            "anthropic",
            {"messages": [{"role": "assistant", "content": "", "extra": {"tool_calls": [CALL]}}]},
            "/v1/chat/completions",
            {},
        ),
        ("ollama", {"inputs": ["a"]}, "/api/embed", {"input": ["a"]}),
        ("openai", {"inputs": ["a"]}, "/v1/embeddings", {"input": ["a"]}),
    ],
)
def test_curl_speaks_the_api_that_the_request_came_by(
    family: str, prompt: dict[str, Any], path: str, expected: dict[str, Any]
) -> None:
    found, body = sent(request_command("http://here:1", family, "tiny:1m", prompt))

    assert found == path
    assert body["model"] == "tiny:1m"
    assert body | expected == body


def test_arguments_of_tool_calls_are_text_for_openai() -> None:
    message = {"role": "assistant", "content": "", "extra": {"tool_calls": [CALL]}}

    _, body = sent(request_command("http://here:1", "openai", "m", {"messages": [message]}))

    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"at": 1}'


@pytest.mark.parametrize("text", [*PAYLOADS, "it's; rm -rf $HOME `id`\n\x1b[201~\x9b31m\u202e"])
def test_what_is_pasted_into_a_shell_is_one_word_of_plain_ascii(text: str) -> None:
    command = request_command("http://here:1", "ollama", "m", {"prompt": text})

    assert command.isascii()
    assert command.isprintable()
    assert sent(command)[1]["prompt"] == text


def test_a_receipt_is_got_by_its_address() -> None:
    assert curl("http://here:1", "/api/npu/requests/req_1") == (
        "curl http://here:1/api/npu/requests/req_1"
    )
