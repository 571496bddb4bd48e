"""The owner's modes: measured, frugal, keep-gpu-free."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.router import Reason, RequestFacts, choose_route
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

MEASURED, FRUGAL = replace(RULE, mode="measured"), replace(RULE, mode="frugal")
KEEP_GPU_FREE = replace(RULE, mode="keep-gpu-free")
QUICK_START, QUICK_TOKENS = (1000, 0.2, 20.0), (1000, 3.0, 80.0)
"""A device that begins soon and one that ends soon; equal at 75 tokens of output."""


def order(route):
    return [candidate.device for candidate in route.candidates]


@pytest.mark.parametrize(
    ("output", "first"), [(10, "NPU"), (70, "NPU"), (80, "CPU"), (1000, "CPU"), (None, "CPU")]
)
def test_measured_takes_the_device_that_finishes_first(output, first):
    devices = (measured(NPU, QUICK_START), measured(CPU, QUICK_TOKENS))
    route = choose_route(RequestFacts(1000, output), devices, MEASURED)
    assert order(route)[0] == route.routed_device == first
    assert route.reason == Reason.PREDICTED_FASTEST
    first_seconds, second_seconds = (c.predicted_seconds for c in route.candidates)
    assert first_seconds < second_seconds


@pytest.mark.parametrize(
    "busy",
    [
        {"state": "loading", "seconds_to_ready": 60.0},
        {"running": 1, "queued": 4},
        {"running": 1, "queued": 4, "places": 2},
    ],
)
def test_measured_counts_loading_and_waiting(busy):
    npu = measured(NPU, (1000, 0.2, 100.0))
    cpu = measured(CPU, (1000, 0.3, 60.0))
    request = RequestFacts(100, 100)
    assert order(choose_route(request, (npu, cpu), MEASURED)) == ["NPU", "CPU"]
    assert order(choose_route(request, (loaded(npu, **busy), cpu), MEASURED)) == ["CPU", "NPU"]


def test_measured_looks_at_measurements_and_not_at_the_token_limit():
    devices = (measured(NPU, (1000, 0.2, 100.0)), measured(CPU, (1000, 9.0, 10.0)))
    assert order(choose_route(RequestFacts(1900, 10), devices, MEASURED)) == ["NPU", "CPU"]


def test_measured_keeps_what_was_not_measured_behind_in_the_order_of_the_rule():
    devices = (NPU, measured(GPU, QUICK_START), measured(CPU, QUICK_TOKENS))
    short = choose_route(RequestFacts(100, 10), devices, MEASURED)
    assert order(short) == ["GPU", "CPU", "NPU"]
    assert short.candidates[-1].predicted_seconds is None
    long = choose_route(RequestFacts(1900, 10), devices, MEASURED)
    assert order(long) == ["GPU", "CPU"]
    assert ("NPU", Reason.OVER_TOKEN_LIMIT) in long.passed_over


@pytest.mark.parametrize(
    "devices",
    [
        (NPU, CPU),
        (NPU, measured(CPU, QUICK_TOKENS)),
        (unusable(measured(NPU, QUICK_START)), NPU, measured(CPU, QUICK_TOKENS)),
        (measured(NPU), measured(CPU, QUICK_TOKENS)),  # verified, but nothing was timed
    ],
)
def test_measured_decides_like_thresholds_until_two_devices_can_be_compared(devices):
    route = choose_route(RequestFacts(100, None), devices, MEASURED)
    plain = choose_route(RequestFacts(100, None), devices, RULE)
    assert route == plain
    assert route.reason == Reason.WITHIN_TOKEN_LIMIT


def test_measured_demotes_a_resting_pair_and_says_what_it_would_have_picked():
    npu = loaded(measured(NPU, (1000, 0.1, 100.0)), quarantine="the engine hung")
    route = choose_route(RequestFacts(100, 10), (npu, measured(CPU, QUICK_TOKENS)), MEASURED)
    assert order(route) == ["CPU", "NPU"]
    assert route.routed_device == "NPU"
    assert dict(route.passed_over)["NPU"] == Reason.QUARANTINED


@pytest.mark.parametrize(
    ("prompt", "npu", "first", "reason"),
    [
        (1900, calibrated(NPU, verified=2000), "NPU", Reason.FRUGAL),
        (10, calibrated(NPU, verified=2000), "NPU", Reason.FRUGAL),
        # Verified without a length: the configured one counts.
        (1900, calibrated(NPU), "NPU", Reason.FRUGAL),
        # Over what was verified, or what it holds: as the thresholds say.
        (1900, calibrated(NPU, verified=1024), "CPU", Reason.OVER_TOKEN_LIMIT),
        (2049, calibrated(NPU), "CPU", Reason.OVER_TOKEN_LIMIT),
        (1900, NPU, "CPU", Reason.OVER_TOKEN_LIMIT),
        (10, NPU, "NPU", Reason.WITHIN_TOKEN_LIMIT),
        (10, calibrated(NPU, is_verified=False), "CPU", Reason.WITHIN_TOKEN_LIMIT),
        (10, unusable(calibrated(NPU)), "CPU", Reason.WITHIN_TOKEN_LIMIT),
    ],
)
def test_frugal_uses_the_npu_wherever_it_is_verified(prompt, npu, first, reason):
    route = choose_route(RequestFacts(prompt, None), (npu, CPU), FRUGAL)
    assert order(route)[0] == first
    assert route.reason == reason


def test_frugal_puts_the_npu_before_the_preferred_device():
    rule = replace(FRUGAL, preferred="GPU")
    route = choose_route(RequestFacts(10, None), (calibrated(NPU), calibrated(GPU), CPU), rule)
    assert order(route) == ["NPU", "GPU", "CPU"]


@pytest.mark.parametrize(
    ("prompt", "preferred", "devices", "candidates", "routed", "reason"),
    [
        (10, "NPU", (NPU, GPU, CPU), ["NPU", "CPU", "GPU"], "NPU", Reason.WITHIN_TOKEN_LIMIT),
        (1900, "NPU", (NPU, GPU, CPU), ["CPU", "GPU"], "CPU", Reason.GPU_KEPT_FREE),
        # There was nothing to keep free.
        (1900, "NPU", (NPU, unusable(GPU), CPU), ["CPU"], "CPU", Reason.OVER_TOKEN_LIMIT),
        (1900, "NPU", (NPU, GPU), ["GPU"], "GPU", Reason.OVER_TOKEN_LIMIT),
        # The mode counts more than the preference.
        (10, "GPU", (NPU, GPU, CPU), ["NPU", "CPU", "GPU"], "NPU", Reason.GPU_KEPT_FREE),
        (10, "GPU", (GPU,), ["GPU"], "GPU", Reason.PREFERRED_DEVICE),
    ],
)
def test_keep_gpu_free_uses_the_gpu_last(prompt, preferred, devices, candidates, routed, reason):
    rule = replace(KEEP_GPU_FREE, preferred=preferred)
    route = choose_route(RequestFacts(prompt, None), devices, rule)
    assert (order(route), route.routed_device, route.reason) == (candidates, routed, reason)


def test_an_unknown_mode_is_the_rule_of_thresholds():
    rule = replace(RULE, mode="sideways")
    request = RequestFacts(100, None)
    assert choose_route(request, (NPU, CPU), rule) == choose_route(request, (NPU, CPU), RULE)
