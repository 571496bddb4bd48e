"""The router's reasons: each is given where it is true, documented, and told in words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from inference.requests import DeviceWish, Need
from inference.router import WORDS, DeviceFacts, Reason, RequestFacts, Rule, choose_route, explain
from tests.inference.routing_facts import (
    CPU,
    GPU,
    NPU,
    RULE,
    calibrated,
    loaded,
    measured,
    unusable,
)

ROUTING_PAGE = Path(__file__).parents[2] / "docs" / "routing.md"

FAST, SLOW = (1000, 0.2, 100.0), (1000, 2.0, 10.0)

EVERY_REASON: dict[Reason, tuple[RequestFacts, tuple[DeviceFacts, ...], Rule]] = {
    Reason.WITHIN_TOKEN_LIMIT: (RequestFacts(10, None), (NPU, CPU), RULE),
    Reason.OVER_TOKEN_LIMIT: (RequestFacts(1900, None), (NPU, CPU), RULE),
    Reason.PREFERRED_DEVICE: (RequestFacts(10, None), (NPU, CPU), Rule("CPU", "auto", 1800)),
    Reason.REQUESTED_DEVICE: (
        RequestFacts(10, None, wish=DeviceWish("CPU")),
        (NPU, CPU),
        RULE,
    ),
    Reason.PREDICTED_FASTEST: (
        RequestFacts(10, None),
        (measured(NPU, SLOW), measured(CPU, FAST)),
        replace(RULE, mode="measured"),
    ),
    Reason.FRUGAL: (
        RequestFacts(1900, None),
        (calibrated(NPU, verified=2048), CPU),
        replace(RULE, mode="frugal"),
    ),
    Reason.GPU_KEPT_FREE: (
        RequestFacts(1900, None),
        (NPU, GPU, CPU),
        replace(RULE, mode="keep-gpu-free"),
    ),
    Reason.DEVICE_ABSENT: (RequestFacts(10, None), (unusable(NPU), CPU), RULE),
    Reason.DEVICE_DISABLED: (
        RequestFacts(10, None),
        (unusable(NPU, Reason.DEVICE_DISABLED), CPU),
        RULE,
    ),
    Reason.VARIANT_MISSING: (
        RequestFacts(10, None),
        (unusable(NPU, Reason.VARIANT_MISSING), CPU),
        RULE,
    ),
    Reason.CALIBRATION_FAILED: (
        RequestFacts(10, None),
        (calibrated(NPU, is_verified=False), CPU),
        RULE,
    ),
    Reason.NEED_UNSUPPORTED: (
        RequestFacts(10, None, needs=frozenset({Need.LOGPROBS})),
        (replace(NPU, cannot=frozenset({Need.LOGPROBS})), CPU),
        RULE,
    ),
    Reason.PROMPT_OVER_CAPACITY: (
        RequestFacts(1100, None),
        (replace(NPU, longest_prompt=1024), CPU),
        RULE,
    ),
    Reason.OVER_VERIFIED_LENGTH: (
        RequestFacts(1100, None),
        (calibrated(NPU, verified=1024), CPU),
        RULE,
    ),
    Reason.BUDGET_OVER_CAPACITY: (RequestFacts(10, 5000), (NPU, CPU), RULE),
    Reason.QUARANTINED: (RequestFacts(10, None), (loaded(NPU, quarantine="hung"), CPU), RULE),
    Reason.WISHED_ELSEWHERE: (
        RequestFacts(10, None, wish=DeviceWish("CPU", is_strict=True)),
        (NPU, CPU),
        RULE,
    ),
}
"""One case for every reason the router gives."""

AT_RUN_TIME = {
    Reason.DEVICE_LOADING,
    Reason.DEVICE_BUSY,
    Reason.QUEUE_FULL,
    Reason.LOAD_FAILED,
    Reason.ENGINE_FAILED,
    Reason.ENGINE_STALLED,
    Reason.FIRST_TOKEN_TIMEOUT,
    Reason.INTER_TOKEN_TIMEOUT,
    Reason.GARBAGE_OUTPUT,
    Reason.OUT_OF_MEMORY,
    Reason.REAL_INFERENCE_OFF,
}
"""Given by the dispatcher and the residency, who see what the router cannot."""


@pytest.mark.parametrize(("reason", "case"), EVERY_REASON.items())
def test_every_reason_of_the_router_is_given_where_it_is_true(reason, case):
    route = choose_route(*case)
    assert route.reason == reason or dict(route.passed_over).get("NPU") == reason
    assert {name for name, _ in route.notes} == {name for name, _ in route.passed_over}
    if route.reason != reason:
        assert route.candidates[0].device == "CPU"


def test_the_set_of_reasons_is_closed():
    assert set(EVERY_REASON) | AT_RUN_TIME == set(Reason)
    assert set(EVERY_REASON) & AT_RUN_TIME == set()
    assert set(WORDS) == set(Reason)


def test_the_documented_reasons_are_the_real_ones():
    page = ROUTING_PAGE.read_text(encoding="utf-8")
    section = page[page.index("## Reasons") : page.index("## Refusals")]
    rows = re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(Reason)


@pytest.mark.parametrize(
    ("request_facts", "devices", "mode", "device", "words"),
    [
        (
            RequestFacts(512, None),
            (NPU, CPU),
            "thresholds",
            "NPU",
            "within the NPU's limit of 1,800",
        ),
        (
            RequestFacts(1912, None),
            (NPU, CPU),
            "thresholds",
            "CPU",
            "over the NPU's limit of 1,800, so CPU",
        ),
        (
            RequestFacts(1912, None),
            (NPU, unusable(GPU), CPU),
            "thresholds",
            "CPU",
            "over the NPU's limit of 1,800, GPU not found by OpenVINO, so CPU",
        ),
        (
            RequestFacts(12, None),
            (unusable(NPU), CPU),
            "thresholds",
            "CPU",
            "NPU not found by OpenVINO, so CPU",
        ),
        # What comes after the device that served had no part in it.
        (
            RequestFacts(12, None),
            (unusable(NPU), CPU, replace(unusable(GPU), priority=40)),
            "thresholds",
            "CPU",
            "NPU not found by OpenVINO, so CPU",
        ),
        (
            RequestFacts(1500, None),
            (calibrated(NPU, verified=1024), CPU),
            "thresholds",
            "CPU",
            "NPU verified up to 1,024 tokens, so CPU",
        ),
        (
            RequestFacts(100, 5000),
            (NPU, CPU),
            "thresholds",
            "CPU",
            "NPU cannot hold 5,100 tokens of prompt and requested answer, only 2,559, so CPU",
        ),
        (
            RequestFacts(12, None, wish=DeviceWish("CPU")),
            (NPU, CPU),
            "thresholds",
            "CPU",
            "CPU was asked for",
        ),
        (
            RequestFacts(3000, None, wish=DeviceWish("NPU")),
            (NPU, CPU),
            "thresholds",
            "CPU",
            "NPU was asked for, NPU takes prompts up to 2,048 tokens, so CPU",
        ),
        (
            RequestFacts(1000, 100),
            (measured(NPU, SLOW), measured(CPU, FAST)),
            "measured",
            "CPU",
            "CPU is predicted to finish first, in about 1.2 s",
        ),
        (
            RequestFacts(1900, None),
            (calibrated(NPU, verified=2048), CPU),
            "frugal",
            "NPU",
            "NPU is verified for it and saves power",
        ),
        (
            RequestFacts(1900, None),
            (NPU, GPU, CPU),
            "keep-gpu-free",
            "CPU",
            "over the NPU's limit of 1,800, the GPU is kept free, so CPU",
        ),
        (
            RequestFacts(12, None),
            (NPU, CPU),
            "thresholds",
            "ECHO",
            "real inference is switched off, so ECHO",
        ),
    ],
)
def test_a_decision_is_told_in_words(request_facts, devices, mode, device, words):
    rule = replace(RULE, mode=mode)
    route = choose_route(request_facts, devices, rule)
    told = explain(route, request_facts.prompt_tokens, rule, device)
    assert told == f"{request_facts.prompt_tokens:,} tokens: {words}"


def test_what_failed_on_the_way_is_told_too():
    route = choose_route(RequestFacts(12, None), (NPU, CPU), RULE)
    moved = explain(route, 12, RULE, "CPU", ["NPU: the engine failed"])
    again = explain(route, 12, RULE, "NPU", ["NPU: the engine failed"])
    assert moved == "12 tokens: NPU: the engine failed, so CPU"
    assert again == "12 tokens: within the NPU's limit of 1,800 (after NPU: the engine failed)"


def test_what_spoke_against_each_device_is_told_in_the_rules_order():
    route = choose_route(RequestFacts(12, None), (NPU, unusable(GPU), CPU), RULE)
    told = explain(route, 12, RULE, "CPU", ["NPU: still loading the model"])
    assert told == ("12 tokens: NPU: still loading the model, GPU not found by OpenVINO, so CPU")
