"""The ranges of a diagram are what the router would decide at each length, whatever the rule is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.planning import device_facts, rule_for
from inference.ranges import (
    Range,
    loaded_and_idle,
    longest_served,
    measured_threshold,
    mode_in_force,
    ranges,
)
from inference.router import RequestFacts, assess, candidates_of
from inference.snapshot import BucketInfo, PassportInfo, Snapshot
from tests.inference.small_picture import CPU, GPU, MODEL, NPU, picture

FOLDER = Path("models")


def passport(device: str, *times: tuple[int, float, float], verified: int = 4096) -> PassportInfo:
    buckets = tuple(BucketInfo(*time) for time in times)
    return PassportInfo(MODEL, device, True, "", verified, 9, 2, 0, buckets)


FAST_START = passport("NPU", (32, 0.2, 20), (2048, 2.0, 20))
LATE_WINNER = passport("CPU", (32, 2.2, 20), (2048, 2.4, 30))


def shown(found: tuple[Range, ...]) -> list[tuple[int, int | None, str]]:
    return [(item.first, item.last, item.device) for item in found]


def of(chosen: Snapshot, **more: int) -> tuple[Range, ...]:
    return ranges(chosen.models[MODEL], chosen, **more)


def test_the_rule_of_the_original_gives_three_ranges() -> None:
    found = of(picture(FOLDER))

    assert shown(found) == [(1, 1800, "NPU"), (1801, 8191, "CPU"), (8192, None, "")]
    assert found[0].words == "within the NPU's limit of 1,800"
    assert found[0].others == ("CPU",)
    assert found[1].words.startswith("over the NPU's limit of 1,800")
    assert "CPU takes prompts up to 8,191 tokens" in found[2].words
    assert longest_served(found) == 8191


def test_a_models_own_limit_and_verified_length_move_the_borders() -> None:
    limited = picture(FOLDER, passport("NPU", (32, 1, 1), verified=700), token_limit=1000)

    assert shown(of(limited))[:2] == [(1, 700, "NPU"), (701, 1000, "CPU")]
    assert "verified up to 700 tokens" in of(limited)[1].words


def test_the_requested_answer_counts() -> None:
    narrow = picture(FOLDER, devices=(replace(NPU, min_response_len=100), GPU, CPU))

    # Compiled for 2,048 tokens of prompt and 100 of answer, one of which is lost.
    assert shown(of(narrow, requested_tokens=500))[0] == (1, 2147 - 500, "NPU")


def test_measured_mode_changes_device_where_the_predictions_cross() -> None:
    found = of(picture(FOLDER, FAST_START, LATE_WINNER, mode="measured"))

    assert [(item.device, item.others) for item in found] == [
        ("NPU", ("CPU",)),
        ("CPU", ("NPU",)),
        ("CPU", ()),
        ("", ()),
    ]
    border = found[0].last
    assert border is not None
    assert 32 < border < 2048
    assert "in about" not in found[0].words


def test_without_two_passports_measuring_decides_nothing() -> None:
    one = picture(FOLDER, FAST_START, mode="measured")

    assert mode_in_force(one.models[MODEL], one) == "thresholds"
    assert measured_threshold(one.models[MODEL], one) is None


def test_no_device_at_all_is_one_refusal() -> None:
    off = tuple(replace(device, enabled=False) for device in (NPU, GPU, CPU))

    assert shown(of(picture(FOLDER, devices=off))) == [(1, None, "")]


def test_the_measured_threshold_is_where_the_other_device_becomes_faster() -> None:
    both = picture(FOLDER, FAST_START, LATE_WINNER)
    found = measured_threshold(both.models[MODEL], both)
    measured = replace(both, routing=replace(both.routing, mode="measured"))

    assert found is not None
    assert (found.device, found.other, found.is_by_speed) == ("NPU", "CPU", True)
    assert found.tokens == of(measured)[0].last


@pytest.mark.parametrize(
    ("npu", "tokens", "is_by_speed"),
    [
        (passport("NPU", (32, 9, 1), (2048, 9, 1)), 0, True),
        (passport("NPU", (32, 0.1, 90), (2048, 0.1, 90), verified=700), 700, False),
        (passport("NPU", (32, 0.1, 90), (2048, 0.1, 90)), 4096, False),
    ],
)
def test_an_npu_that_is_never_or_always_faster(
    npu: PassportInfo, tokens: int, is_by_speed: bool
) -> None:
    both = picture(FOLDER, npu, LATE_WINNER, token_limit=50)
    found = measured_threshold(both.models[MODEL], both)

    assert found is not None
    assert (found.tokens, found.is_by_speed) == (tokens, is_by_speed)


@settings(max_examples=30)
@given(
    mode=st.sampled_from(["thresholds", "measured", "frugal", "keep-gpu-free"]),
    limit=st.integers(1, 9000),
    gpu_limit=st.none() | st.integers(16, 9000),
    verified=st.integers(1, 9000),
    requested=st.none() | st.integers(1, 4000),
    lengths=st.lists(st.integers(1, 12_000), min_size=5, max_size=40),
)
def test_every_length_has_the_decision_that_the_router_takes(
    mode: str,
    limit: int,
    gpu_limit: int | None,
    verified: int,
    requested: int | None,
    lengths: list[int],
) -> None:
    devices = (NPU, replace(GPU, present=True, max_prompt_len=gpu_limit), CPU)
    npu = replace(FAST_START, verified_prompt_tokens=verified)
    chosen = picture(FOLDER, npu, LATE_WINNER, devices=devices, mode=mode)
    chosen = replace(chosen, routing=replace(chosen.routing, token_limit=limit))
    model = chosen.models[MODEL]
    found = ranges(model, chosen, requested_tokens=requested)
    facts = device_facts(model, chosen, loaded_and_idle)

    assert found[0].first == 1
    assert [item.first for item in found[1:]] == [(item.last or 0) + 1 for item in found[:-1]]
    assert found[-1].last is None
    for length in lengths:
        assessment = assess(RequestFacts(length, requested), facts, rule_for(model, chosen))
        tried = [verdict.device.name for verdict in candidates_of(assessment)]
        item = next(r for r in found if r.first <= length <= (r.last or length))
        assert [name for name in (item.device, *item.others) if name] == tried
