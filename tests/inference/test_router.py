"""The routing rule as tables of cases: the default mode, and what keeps a device from serving."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.errors import CapabilityMissing, NoDevice, PromptTooLong
from inference.requests import Need
from inference.router import DeviceFacts, Reason, RequestFacts, Rule, choose_route
from tests.inference.routing_facts import (
    CPU,
    GPU,
    NPU,
    RULE,
    calibrated,
    loaded,
    unusable,
)


@pytest.mark.parametrize(
    ("prompt", "requested", "devices", "routed", "reason", "order"),
    [
        (1, None, (NPU, GPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["NPU", "GPU", "CPU"]),
        (1800, None, (NPU, GPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["NPU", "GPU", "CPU"]),
        (1801, None, (NPU, GPU, CPU), "GPU", Reason.OVER_TOKEN_LIMIT, ["GPU", "CPU"]),
        (1801, None, (NPU, unusable(GPU), CPU), "GPU", Reason.OVER_TOKEN_LIMIT, ["CPU"]),
        (10, None, (unusable(NPU), unusable(GPU), CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["CPU"]),
        # Prompt and answer share the NPU's static cache.
        (1000, 1559, (NPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["NPU", "CPU"]),
        (1000, 1560, (NPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["CPU", "NPU"]),
        # More output than anything holds runs on the roomiest and is cut there.
        (10, 10**12, (NPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["CPU", "NPU"]),
    ],
)
def test_a_prompt_goes_where_the_rule_says(prompt, requested, devices, routed, reason, order):
    route = choose_route(RequestFacts(prompt, requested), devices, RULE)
    assert route.routed_device == routed
    assert route.reason == reason
    assert [candidate.device for candidate in route.candidates] == order


def test_gpu_as_preference_matches_every_gpu():
    devices = (CPU, DeviceFacts("GPU.1", 21, 8192, 8192), NPU)
    route = choose_route(RequestFacts(50, None), devices, Rule("GPU", "auto", 1800))
    assert route.routed_device == "GPU.1"
    assert route.reason == Reason.PREFERRED_DEVICE


def test_the_row_of_a_gpu_that_was_found_under_numbers_counts_for_nothing():
    first, second = DeviceFacts("GPU.0", 20, 8192, 8192), DeviceFacts("GPU.1", 20, 8192, 8192)
    route = choose_route(RequestFacts(1900, None), (NPU, unusable(GPU), first, second, CPU), RULE)
    assert route.routed_device == "GPU.0"
    assert [candidate.device for candidate in route.candidates] == ["GPU.0", "GPU.1", "CPU"]
    assert "GPU" not in dict(route.passed_over)


def test_the_named_fallback_comes_before_the_others():
    route = choose_route(RequestFacts(50, None), (NPU, GPU, CPU), Rule("NPU", "CPU", 1800))
    assert [candidate.device for candidate in route.candidates] == ["NPU", "CPU", "GPU"]


@pytest.mark.parametrize(
    ("num_ctx", "requested", "capacities"),
    [
        (None, None, {"NPU": 2559, "CPU": 8192}),
        (500, None, {"NPU": 500, "CPU": 500}),
        # The output it leaves room for is what counts, so the NPU holds it.
        (2000, 4096, {"NPU": 2000, "CPU": 2000}),
        (8295, None, {"NPU": 2559, "CPU": 8192}),
        # Clients send odd values.
        (100, None, {"NPU": 2559, "CPU": 8192}),
        (4, None, {"NPU": 2559, "CPU": 8192}),
        (-1, None, {"NPU": 2559, "CPU": 8192}),
    ],
)
def test_num_ctx_bounds_prompt_and_answer_together_where_it_can(num_ctx, requested, capacities):
    route = choose_route(RequestFacts(100, requested, num_ctx), (NPU, CPU), RULE)
    assert {c.device: c.capacity for c in route.candidates} == capacities
    assert route.candidates[0].device == "NPU"
    assert route.passed_over == ()


@pytest.mark.parametrize(
    "need", [Need.SEVERAL_ANSWERS, Need.LOGPROBS, Need.BEAMS, Need.IMAGES, Need.TOOLS]
)
def test_what_a_device_cannot_do_goes_to_the_next_one(need):
    npu = replace(NPU, cannot=frozenset({need}))
    route = choose_route(RequestFacts(10, None, needs=frozenset({need})), (npu, CPU), RULE)
    assert route.routed_device == "NPU"
    assert [candidate.device for candidate in route.candidates] == ["CPU"]
    assert route.passed_over == (("NPU", Reason.NEED_UNSUPPORTED),)


def test_a_need_that_no_device_meets_is_refused_by_its_name():
    needs = frozenset({Need.IMAGES})
    blind = tuple(replace(device, cannot=needs) for device in (NPU, CPU))
    with pytest.raises(CapabilityMissing, match="NPU cannot read images; CPU cannot") as refusal:
        choose_route(RequestFacts(10, None, needs=needs), blind, RULE)
    assert refusal.value.capability == "images"


def test_a_device_that_failed_its_calibration_gets_nothing():
    npu = calibrated(NPU, is_verified=False, reason="garbage from 512 tokens on")
    route = choose_route(RequestFacts(10, None), (npu, CPU), RULE)
    assert [candidate.device for candidate in route.candidates] == ["CPU"]
    assert route.passed_over == (("NPU", Reason.CALIBRATION_FAILED),)
    assert "garbage from 512 tokens on" in dict(route.notes)["NPU"]


@pytest.mark.parametrize(
    ("prompt", "order"), [(1024, ["NPU", "CPU"]), (1025, ["CPU"]), (1801, ["CPU"])]
)
def test_the_verified_length_counts_instead_of_the_configured_one(prompt, order):
    npu = calibrated(NPU, verified=1024)
    route = choose_route(RequestFacts(prompt, None), (npu, CPU), RULE)
    assert [candidate.device for candidate in route.candidates] == order


def test_the_cpu_needs_no_verification_because_the_others_are_compared_with_it():
    cpu = calibrated(CPU, verified=1024)
    route = choose_route(RequestFacts(5000, None), (NPU, cpu), RULE)
    assert [candidate.device for candidate in route.candidates] == ["CPU"]


def test_a_resting_pair_comes_last_but_is_never_lost():
    npu = loaded(NPU, quarantine="the engine crashed twice")
    route = choose_route(RequestFacts(10, None), (npu, GPU, CPU), RULE)
    assert [candidate.device for candidate in route.candidates] == ["GPU", "CPU", "NPU"]
    assert route.passed_over == (("NPU", Reason.QUARANTINED),)
    alone = choose_route(RequestFacts(10, None), (npu, unusable(CPU)), RULE)
    assert [candidate.device for candidate in alone.candidates] == ["NPU"]


def test_a_healthy_device_that_must_cut_the_answer_comes_before_a_resting_one():
    cpu = loaded(CPU, quarantine="the engine crashed twice")
    route = choose_route(RequestFacts(10, 5000), (NPU, cpu), RULE)
    assert [candidate.device for candidate in route.candidates] == ["NPU", "CPU"]


def test_a_prompt_above_every_limit_is_refused_with_the_numbers():
    with pytest.raises(PromptTooLong) as refusal:
        choose_route(RequestFacts(9000, 100), (NPU, unusable(GPU), CPU), RULE)
    assert refusal.value.prompt_tokens == 9000
    assert refusal.value.limits == {"NPU": 1800, "CPU": 8192}
    assert "9000" in str(refusal.value)
    assert "8192" in str(refusal.value)


def test_a_prompt_that_leaves_no_room_for_an_answer_is_too_long():
    assert choose_route(RequestFacts(8191, None), (CPU,), RULE).candidates[0].device == "CPU"
    with pytest.raises(PromptTooLong, match="8192 tokens plus 1 requested"):
        choose_route(RequestFacts(8192, None), (CPU,), RULE)


def test_no_usable_device_says_why_for_each():
    devices = (
        unusable(NPU),
        unusable(GPU, Reason.VARIANT_MISSING),
        unusable(CPU, Reason.DEVICE_DISABLED),
    )
    with pytest.raises(NoDevice, match="NPU not found by OpenVINO; GPU the model") as refusal:
        choose_route(RequestFacts(5, None), devices, RULE)
    assert [reason for _, reason in refusal.value.chain] == [
        "device_absent",
        "variant_missing",
        "device_disabled",
    ]


def test_a_failed_calibration_of_the_cpu_is_not_the_end():
    devices = (unusable(NPU), calibrated(CPU, is_verified=False, reason="took too long"))
    assert choose_route(RequestFacts(5, None), devices, RULE).candidates[0].device == "CPU"


def test_a_machine_without_any_device_row_is_refused_too():
    with pytest.raises(NoDevice, match="there is none"):
        choose_route(RequestFacts(5, None), (), RULE)
