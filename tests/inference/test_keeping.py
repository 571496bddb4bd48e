"""What the request log keeps of prompts and answers: only when it is wanted, bounded, and enough to
ask the same again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from inference import keeping, records, snapshot
from inference.database import in_database_thread
from inference.errors import InvalidRequest
from inference.keeping import MOST_BYTES, AnswerKeeper, ask_again, keep_inputs, keep_request
from inference.models import RequestRecord
from inference.records import MOST_PROMPTS_WAITING, Writer
from inference.requests import (
    AnswerSchema,
    DeviceWish,
    GenerationRequest,
    Message,
    Need,
    Sampling,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolChoice,
)
from inference.snapshot import SettingsInfo, Snapshot
from tests.inference.test_records import draft

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": {"at": 1}}}
CHAT = GenerationRequest(
    model="tiny:1m",
    family="openai",
    endpoint="/v1/chat/completions",
    client="127.0.0.1",
    messages=(
        Message("system", "Be brief."),
        Message("user", "Grüße 👋"),
        Message("assistant", "", {"tool_calls": [CALL]}),
        Message("tool", "42", {"tool_call_id": "call_1"}),
    ),
    tools=({"type": "function", "function": {"name": "look", "parameters": {}}},),
    tool_choice=ToolChoice("required", ("look",), is_parallel=False),
    think=False,
    variables={"enable_thinking": False},
    schema=AnswerSchema({"type": "object"}, "response_format"),
    logprobs=0,
    sampling=Sampling(temperature=0.0, stop=("a", "b"), max_tokens=9),
    defaults=Sampling(top_p=1.0),
    needs=frozenset({Need.TOOLS, Need.SCHEMA}),
)
RAW = GenerationRequest(
    model="tiny:1m",
    family="ollama",
    endpoint="/api/generate",
    client="127.0.0.1",
    prompt="def f(",
    suffix="return x",
    context_ids=(1, 2, 3),
    num_ctx=512,
)


@pytest.fixture
def kept() -> Iterator[None]:
    snapshot.replace_with(Snapshot(settings=SettingsInfo(prompts_are_kept=True)))
    yield
    snapshot.replace_with(Snapshot())


def as_stored(request: GenerationRequest) -> dict[str, Any]:
    found = keep_request(request)
    assert found is not None
    stored: dict[str, Any] = json.loads(json.dumps(found.prompt))
    return stored


def test_nothing_is_kept_unless_the_owner_wants_it() -> None:
    assert keep_request(CHAT) is None
    assert keep_inputs("127.0.0.1", ("text",)) is None
    assert keeping.new_keeper("127.0.0.1") is None


def test_what_the_appliance_asks_itself_is_never_kept(kept: None) -> None:
    assert keep_request(replace(CHAT, client="")) is None


@pytest.mark.parametrize("request_", [CHAT, RAW, replace(CHAT, think="high", tools=())])
def test_a_kept_prompt_asks_for_exactly_the_same_again(
    kept: None, request_: GenerationRequest
) -> None:
    wish = DeviceWish("CPU", is_strict=True)

    again = ask_again(
        as_stored(request_),
        model="tiny:1m",
        family="console",
        endpoint="console/replay",
        client="::1",
        wish=wish,
    )

    same = replace(
        request_,
        family="console",
        endpoint="console/replay",
        client="::1",
        wish=wish,
        request_id=again.request_id,
        received_at=again.received_at,
    )
    assert again == same


def test_a_prompt_is_cut_at_its_beginning_and_says_so(kept: None) -> None:
    old, new = Message("user", "é" * MOST_BYTES), Message("user", "the newest")

    prompt = as_stored(replace(CHAT, messages=(Message("user", "first"), old, new), tools=()))

    assert prompt["is_cut"]
    assert [len(message["content"]) for message in prompt["messages"]] == [MOST_BYTES // 2 - 5, 10]
    assert len(json.dumps(prompt, ensure_ascii=False).encode()) < MOST_BYTES + 2000
    with pytest.raises(InvalidRequest, match="was cut"):
        ask_again(prompt, model="m", family="console", endpoint="e", client="c", wish=None)


def test_an_answer_is_gathered_as_its_client_gets_it(kept: None) -> None:
    keeper = AnswerKeeper()
    keeper.add((ThinkingDelta("Hm"), ThinkingDelta(""), TextDelta("Hel")))
    keeper.add((TextDelta("lo"), ToolCall(0, "look", {"at": [1, None]})))

    found = keep_request(CHAT, keeper)

    assert found is not None
    assert (found.answer, found.prompt["thinking"]) == ("Hello", "Hm")
    assert found.prompt["tool_calls"] == [{"name": "look", "arguments": {"at": [1, None]}}]
    assert "is_answer_cut" not in found.prompt


def test_an_answer_without_end_is_cut_and_says_so(kept: None) -> None:
    keeper = AnswerKeeper()
    for _ in range(300):
        keeper.add((TextDelta("x" * 1000),))

    found = keep_request(CHAT, keeper)

    assert found is not None
    assert (len(found.answer), found.prompt["is_answer_cut"]) == (MOST_BYTES, True)


def test_what_a_database_refuses_is_replaced(kept: None, rows: None) -> None:
    snapshot.replace_with(Snapshot(settings=SettingsInfo(prompts_are_kept=True)))
    keeper = AnswerKeeper()
    keeper.add((TextDelta("a\x00b\ud800c"),))
    found = keep_request(replace(CHAT, messages=(Message("user", "\x00 \udfff"),)), keeper)
    assert found is not None

    records.write([replace(draft(), prompt=found.prompt, answer=found.answer)])

    row = RequestRecord.objects.get()
    assert row.answer == "a\ufffdb?c"
    assert row.prompt["messages"][0]["content"] == "\ufffd ?"


async def test_a_removed_prompt_is_gone_from_its_row_and_from_no_other(rows: None) -> None:
    full = [replace(draft(n), prompt={"prompt": "secret"}, answer="told") for n in range(2)]
    await in_database_thread(records.write, full)

    await records.forget_prompt(full[1].request_id)

    def kept_texts() -> list[tuple[Any, str]]:
        return list(RequestRecord.objects.order_by("request_id").values_list("prompt", "answer"))

    assert await in_database_thread(kept_texts) == [({"prompt": "secret"}, "told"), (None, "")]


def test_a_removed_prompt_is_gone_before_its_row_is_written() -> None:
    writer = Writer()
    full = [replace(draft(n), prompt={"prompt": "secret"}, answer="told") for n in range(2)]
    for one in full:
        writer.submit(one)

    writer.forget_prompt(full[1].request_id)

    assert list(writer.waiting) == [full[0], replace(full[1], prompt=None, answer="")]


def test_a_database_that_is_busy_does_not_fill_the_memory_with_prompts() -> None:
    writer = Writer()

    for number in range(MOST_PROMPTS_WAITING + 5):
        writer.submit(replace(draft(number), prompt={"prompt": "long"}, answer="long"))

    assert len(writer.waiting) == MOST_PROMPTS_WAITING + 5
    assert sum(1 for one in writer.waiting if one.prompt or one.answer) == MOST_PROMPTS_WAITING
