"""What a client may wish for: a device by name or class, firmly or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.errors import CapabilityMissing, InvalidRequest, NoDevice, PromptTooLong
from inference.requests import DeviceWish, Need
from inference.router import DeviceFacts, Reason, RequestFacts, choose_route
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

FIRST_GPU, SECOND_GPU = DeviceFacts("GPU.0", 20, 8192, 8192), DeviceFacts("GPU.1", 21, 4096, 4608)


def wish(device, prompt=100, requested=None, *, strict=False, **more):
    return RequestFacts(prompt, requested, wish=DeviceWish(device, is_strict=strict), **more)


@pytest.mark.parametrize(
    ("request_facts", "devices", "order", "routed"),
    [
        (wish("CPU"), (NPU, GPU, CPU), ["CPU", "NPU", "GPU"], "CPU"),
        (wish(" cpu "), (NPU, GPU, CPU), ["CPU", "NPU", "GPU"], "CPU"),
        # A class matches every device of it, in their order.
        (wish("GPU"), (NPU, FIRST_GPU, SECOND_GPU, CPU), ["GPU.0", "GPU.1", "NPU", "CPU"], "GPU.0"),
        (wish("GPU.1"), (NPU, FIRST_GPU, SECOND_GPU), ["GPU.1", "NPU", "GPU.0"], "GPU.1"),
        # The only GPU is the first one.
        (wish("GPU.0"), (NPU, GPU, CPU), ["GPU", "NPU", "CPU"], "GPU"),
        # The threshold gives way, what the device holds does not.
        (wish("NPU", 1900), (NPU, CPU), ["NPU", "CPU"], "NPU"),
        (wish("NPU", 2049), (NPU, CPU), ["CPU"], "NPU"),
        (wish("NPU", 1000, 3000), (NPU, CPU), ["CPU", "NPU"], "NPU"),
        (wish("NPU", 1900), (calibrated(NPU, verified=1024), CPU), ["CPU"], "NPU"),
        # Who is not wished for is still bound to the rule.
        (wish("GPU", 1900), (NPU, GPU, CPU), ["GPU", "CPU"], "GPU"),
        (wish("GPU"), (NPU, unusable(GPU), CPU), ["NPU", "CPU"], "GPU"),
        # A device this machine never had.
        (wish("GPU.7"), (NPU, CPU), ["NPU", "CPU"], "GPU.7"),
        # Of several, the one that can serve is what was asked for.
        (
            wish("GPU"),
            (unusable(FIRST_GPU, Reason.DEVICE_DISABLED), SECOND_GPU),
            ["GPU.1"],
            "GPU.1",
        ),
        (wish("NPU"), (loaded(NPU, quarantine="hung"), CPU), ["CPU", "NPU"], "NPU"),
    ],
)
def test_a_wish_comes_first_and_the_rest_follows(request_facts, devices, order, routed):
    route = choose_route(request_facts, devices, RULE)
    assert [candidate.device for candidate in route.candidates] == order
    assert (route.routed_device, route.reason) == (routed, Reason.REQUESTED_DEVICE)
    assert order[0] == routed or routed in dict(route.passed_over)


def test_a_wish_outranks_every_mode():
    devices = (measured(NPU, (100, 0.1, 90.0)), measured(GPU, (100, 0.1, 80.0)), CPU)
    for mode in ("measured", "frugal", "keep-gpu-free"):
        route = choose_route(wish("GPU"), devices, replace(RULE, mode=mode))
        assert route.candidates[0].device == "GPU"
        assert route.reason == Reason.REQUESTED_DEVICE


@pytest.mark.parametrize("order", [("GPU.0", "GPU.1"), ("GPU.1", "GPU.0")])
def test_the_mode_orders_the_devices_of_a_wished_class(order):
    speeds = {order[0]: (100, 0.1, 90.0), order[1]: (100, 0.1, 10.0)}
    devices = tuple(measured(d, speeds[d.name]) for d in (FIRST_GPU, SECOND_GPU))
    route = choose_route(wish("GPU"), devices, replace(RULE, mode="measured"))
    assert tuple(candidate.device for candidate in route.candidates) == order


def test_a_strict_wish_runs_there_and_nowhere_else():
    route = choose_route(wish("GPU", strict=True), (NPU, FIRST_GPU, SECOND_GPU, CPU), RULE)
    assert [candidate.device for candidate in route.candidates] == ["GPU.0", "GPU.1"]
    assert dict(route.passed_over) == dict.fromkeys(("NPU", "CPU"), Reason.WISHED_ELSEWHERE)


@pytest.mark.parametrize(
    ("devices", "device", "words"),
    [
        (
            (unusable(NPU), unusable(GPU), CPU),
            "NPU",
            "can run this model: NPU not found by OpenVINO$",
        ),
        ((NPU, CPU), "GPU.7", "can run this model: GPU.7 not found by OpenVINO$"),
        ((unusable(NPU, Reason.VARIANT_MISSING), CPU), "NPU", "NPU the model has no form for it$"),
        (
            (calibrated(NPU, is_verified=False, reason="garbage"), CPU),
            "NPU",
            r"NPU failed its calibration with this model \(garbage\)$",
        ),
    ],
)
def test_a_strict_wish_that_cannot_be_met_is_refused_with_the_reason(devices, device, words):
    with pytest.raises(NoDevice, match=words):
        choose_route(wish(device, strict=True), devices, RULE)


@pytest.mark.parametrize(
    ("request_facts", "npu", "limit"),
    [
        (wish("NPU", 3000, strict=True), NPU, 2048),
        (wish("NPU", 1500, strict=True), calibrated(NPU, verified=1024), 1024),
        # Elsewhere the answer would fit: cutting it here would be a surprise.
        (wish("NPU", 1000, 1560, strict=True), NPU, 2559),
    ],
)
def test_a_strict_wish_for_too_small_a_device_is_refused_with_its_number(request_facts, npu, limit):
    with pytest.raises(PromptTooLong) as refusal:
        choose_route(request_facts, (npu, CPU), RULE)
    assert refusal.value.limits == {"NPU": limit}
    assert str(limit) in str(refusal.value)


def test_a_strict_wish_for_a_device_that_cannot_do_it_is_refused_by_the_need():
    npu = replace(NPU, cannot=frozenset({Need.SEVERAL_ANSWERS}))
    request = wish("NPU", strict=True, needs=frozenset({Need.SEVERAL_ANSWERS}))
    with pytest.raises(CapabilityMissing, match="NPU cannot give several answers at once$"):
        choose_route(request, (npu, CPU), RULE)


def test_a_strict_wish_for_a_resting_pair_tries_it():
    npu = loaded(NPU, quarantine="the engine crashed twice")
    route = choose_route(wish("NPU", strict=True), (npu, CPU), RULE)
    assert [candidate.device for candidate in route.candidates] == ["NPU"]


@pytest.mark.parametrize(
    "name", ["", "TPU", "GPU.", "GPU.x", "CPU;NPU", "NPU\n.1", "GPU.1234", "٣"]
)
def test_a_wish_for_what_is_no_device_is_refused_by_its_field(name):
    with pytest.raises(InvalidRequest, match="is not a device") as refusal:
        choose_route(wish(name), (NPU, CPU), RULE)
    assert refusal.value.field == "device"
