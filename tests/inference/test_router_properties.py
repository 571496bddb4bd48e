"""What holds for every request, every machine and every rule."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import CapabilityMissing, InvalidRequest, NoDevice, PromptTooLong
from inference.requests import DeviceWish, Need
from inference.router import (
    DeviceFacts,
    PairLoad,
    Reason,
    RequestFacts,
    Rule,
    choose_route,
    explain,
)
from inference.snapshot import BucketInfo, PassportInfo

NAMES = ["NPU", "GPU", "GPU.0", "GPU.1", "CPU"]
needs = st.frozensets(st.sampled_from(sorted(Need)), max_size=2)
seconds = st.floats(0, 1e6) | st.just(float("nan"))
passports = st.builds(
    PassportInfo,
    model=st.just("m:latest"),
    device=st.just(""),
    is_verified=st.sampled_from([True, True, False]),
    reason=st.sampled_from(["", "garbage"]),
    verified_prompt_tokens=st.integers(0, 5000),
    cold_load_seconds=st.floats(0, 300),
    warm_load_seconds=st.floats(0, 30),
    memory_bytes=st.just(0),
    buckets=st.lists(
        st.builds(BucketInfo, st.integers(0, 5000), seconds, st.floats(-1, 1e4)), max_size=4
    ).map(tuple),
)
loads = st.builds(
    PairLoad,
    state=st.sampled_from(["cold", "loading", "ready"]),
    running=st.integers(0, 40),
    queued=st.integers(0, 600),
    places=st.integers(0, 32),
    seconds_to_ready=st.floats(0, 300),
    quarantine=st.sampled_from(["", "", "the engine hung"]),
)
devices = st.lists(
    st.builds(
        DeviceFacts,
        name=st.sampled_from(NAMES),
        priority=st.integers(0, 100),
        longest_prompt=st.integers(0, 10_000),
        capacity=st.integers(0, 12_000),
        unusable=st.sampled_from([None, None, Reason.DEVICE_ABSENT, Reason.DEVICE_DISABLED]),
        cannot=needs,
        passport=st.none() | passports,
        load=loads,
    ),
    max_size=5,
    unique_by=lambda device: device.name,
).map(tuple)
wishes = st.builds(
    DeviceWish, st.sampled_from([*NAMES, "npu", "GPU.3", "TPU"]) | st.text(), st.booleans()
)
requests = st.builds(
    RequestFacts,
    prompt_tokens=st.integers(0, 20_000),
    requested_tokens=st.none() | st.integers(-5, 10**9),
    num_ctx=st.none() | st.integers(-5, 20_000),
    needs=needs,
    wish=st.none() | wishes,
)
rules = st.builds(
    Rule,
    st.sampled_from(["NPU", "GPU", "CPU", "GPU.1", "NPU.4"]),
    st.sampled_from(["auto", "CPU", "GPU.1"]),
    st.integers(1, 10_000),
    st.sampled_from(["thresholds", "measured", "frugal", "keep-gpu-free", "?"]),
)


@settings(max_examples=600)
@given(requests, devices, rules)
def test_a_request_gets_a_route_that_can_serve_it_or_one_of_the_refusals(request, devices, rule):
    try:
        route = choose_route(request, devices, rule)
    except (InvalidRequest, CapabilityMissing, NoDevice, PromptTooLong) as refusal:
        assert str(refusal)
        return
    by_name = {device.name: device for device in devices}
    assert route.candidates
    assert len({candidate.device for candidate in route.candidates}) == len(route.candidates)
    for candidate in route.candidates:
        device = by_name[candidate.device]
        assert device.unusable is None
        if device.device_class != "CPU":
            assert device.passport is None or device.passport.is_verified
        assert not request.needs & device.cannot
        assert request.prompt_tokens <= device.longest_prompt
        assert request.prompt_tokens < candidate.capacity <= device.capacity
        if request.num_ctx is not None and request.num_ctx > request.prompt_tokens:
            assert candidate.capacity <= request.num_ctx


@settings(max_examples=600)
@given(requests, devices, rules)
def test_the_first_choice_holds_the_answer_unless_no_healthy_device_does(request, devices, rule):
    try:
        route = choose_route(request, devices, rule)
    except (InvalidRequest, CapabilityMissing, NoDevice, PromptTooLong):
        return
    load = {device.name: device.load for device in devices}
    budget = request.prompt_tokens + (request.requested_tokens or 0)
    if request.num_ctx is not None and request.num_ctx > request.prompt_tokens:
        budget = min(budget, request.num_ctx)
    healthy = [c for c in route.candidates if not load[c.device].quarantine] or route.candidates
    first = route.candidates[0]
    assert first in healthy
    if budget > first.capacity:  # cut there, on the roomiest of all
        assert first.capacity == max(candidate.capacity for candidate in healthy)


@settings(max_examples=400)
@given(requests, devices, rules)
def test_a_strict_wish_never_runs_elsewhere(request, devices, rule):
    if request.wish is None or not request.wish.is_strict:
        return
    try:
        route = choose_route(request, devices, rule)
    except (InvalidRequest, CapabilityMissing, NoDevice, PromptTooLong):
        return
    wished = request.wish.device.strip().upper()
    for candidate in route.candidates:
        kind = candidate.device.partition(".")[0]
        assert wished in (candidate.device, kind, f"{kind}.0")


@settings(max_examples=400)
@given(requests, devices, rules)
def test_no_token_limit_is_passed_but_by_wish_or_passport(request, devices, rule):
    try:
        route = choose_route(request, devices, rule)
    except (InvalidRequest, CapabilityMissing, NoDevice, PromptTooLong):
        return
    npu = next((device for device in devices if device.name == "NPU"), None)
    if npu is None or request.prompt_tokens <= rule.token_limit or request.wish is not None:
        return
    if "NPU" in {candidate.device for candidate in route.candidates}:
        assert rule.mode in ("measured", "frugal")
        assert npu.passport is not None
        assert npu.passport.is_verified


@settings(max_examples=400)
@given(requests, devices, rules)
def test_every_device_is_accounted_for_and_every_outcome_can_be_told(request, devices, rule):
    try:
        route = choose_route(request, devices, rule)
    except (InvalidRequest, CapabilityMissing, NoDevice, PromptTooLong):
        return
    told = {candidate.device for candidate in route.candidates} | dict(route.passed_over).keys()
    assert set(route.order) <= told
    assert [name for name, _ in route.notes] == [name for name, _ in route.passed_over]
    first = route.candidates[0].device
    if first != route.routed_device:
        assert route.routed_device in dict(route.passed_over)
    for candidate in route.candidates:
        words = explain(route, request.prompt_tokens, rule, candidate.device)
        assert candidate.device in words or candidate.device == route.routed_device
