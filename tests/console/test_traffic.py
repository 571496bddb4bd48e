"""Requests in words: under way, ended, and those that ran elsewhere than they were sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inference.journal import RunningRequest
from inference.records import RecordDraft
from inference.status import Waiting
from npuconsole.console.overview.traffic import RUNNING_SHOWN, describe_slowness
from npuconsole.console.words import describe_outcome
from tests.console.facts import NOW, STARTER, a_decision, an_engine, draw


def a_request(name: str = "req_1", **changes: Any) -> RunningRequest:
    request = RunningRequest(name, "/api/chat", "ollama", STARTER, "127.0.0.1", since=NOW)
    for field, value in changes.items():
        setattr(request, field, value)
    return request


@pytest.mark.parametrize(
    ("request_", "facts", "words"),
    [
        (a_request(), {}, "looking for a device"),
        (
            a_request(),
            {"waiting": (Waiting("req_1", "127.0.0.1", 3, 7.6),)},
            "place 3 in line, about 8\u00a0s",
        ),
        (
            a_request(),
            {
                "waiting": (Waiting("req_1", "127.0.0.1", 1, 5.0),),
                "engines": (an_engine("NPU", "loading"),),
            },
            "waiting while NPU loads the model",
        ),
        (a_request(device="CPU"), {}, "reading the prompt"),
        (a_request(device="CPU", tokens=12), {}, "answering"),
    ],
)
def test_a_request_under_way_says_what_it_does(
    request_: RunningRequest, facts: dict[str, Any], words: str
) -> None:
    (row,) = draw(requests=(request_,), **facts).requests
    assert row.words == words
    assert (row.client, row.model, row.tokens) == ("127.0.0.1", STARTER, request_.tokens)


def test_of_many_requests_the_oldest_are_shown_and_all_counted() -> None:
    picture = draw(requests=[a_request(f"req_{at}") for at in range(60)])
    assert len(picture.requests) == RUNNING_SHOWN
    assert picture.requests[0].id == "req_0"
    assert picture.under_way == 60


def test_a_speed_is_only_told_when_there_were_enough_tokens() -> None:
    picture = draw(decisions=(a_decision(completion_tokens=3),))
    assert picture.decisions[0].tokens_per_second is None


def test_decisions_come_with_device_reason_and_outcome_in_words() -> None:
    picture = draw(
        decisions=(
            a_decision(),
            a_decision(outcome="prompt_too_long", execution_device="", explanation="", error="big"),
        )
    )
    first, second = picture.decisions
    assert (first.device, first.words, first.outcome_words) == (
        "CPU",
        "1,912 tokens: over the NPU's limit of 1,800, so CPU",
        "",
    )
    assert first.at == int((NOW - timedelta(seconds=9)).timestamp() * 1000)
    assert (second.device, second.words, second.outcome_words) == ("", "big", "refused: too long")


def test_fallbacks_of_one_kind_are_told_together_with_the_last_one() -> None:
    def fell_back(name: str, reason: str, device: str = "CPU") -> RecordDraft:
        return a_decision(
            request_id=name, routed_device="NPU", execution_device=device, fallback_reason=reason
        )

    first, second, third = draw(
        decisions=(
            fell_back("req_4", "engine_failed"),
            a_decision(request_id="req_3"),
            fell_back("req_2", "device_absent"),
            fell_back("req_1", "engine_failed"),
            fell_back("req_0", "some_new_reason", device=""),
        )
    ).fallbacks
    assert (first.id, first.count, first.words) == (
        "req_4",
        2,
        "NPU: the engine failed, so CPU answered.",
    )
    assert (second.count, second.words) == (1, "NPU: not found by OpenVINO, so CPU answered.")
    assert third.words == "NPU: some new reason, and no other device could answer."


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"total_seconds": 2.3, "queue_seconds": 1.9}, "1.9\u00a0s of it waiting in line"),
        (
            {"total_seconds": 20, "load_seconds": 19.6},
            "19.6\u00a0s of it waiting for the model to load",
        ),
        ({"total_seconds": 4, "prefill_seconds": 3}, "3.0\u00a0s of it reading the prompt"),
        ({"total_seconds": 0.9, "queue_seconds": 0.8}, ""),
        ({"total_seconds": 9, "queue_seconds": 2, "decode_seconds": 7}, ""),
    ],
)
def test_a_slow_request_says_what_its_time_was_spent_on(
    times: dict[str, float], words: str
) -> None:
    assert describe_slowness(a_decision(**times)) == words


def test_whoever_ended_a_request_is_told() -> None:
    assert describe_outcome("cancelled") == "stopped by the client"
    assert "owner" in describe_outcome("cancelled", "the request was cancelled by its owner")
