"""The routing rule as tables of cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import NoDevice, PromptTooLong
from inference.router import DeviceFacts, Reason, RequestFacts, Rule, choose_route, explain

NPU = DeviceFacts("NPU", 10, longest_prompt=2048, capacity=2559)
GPU = DeviceFacts("GPU", 20, longest_prompt=8192, capacity=8192)
CPU = DeviceFacts("CPU", 30, longest_prompt=8192, capacity=8192)
RULE = Rule("NPU", "auto", 1800)


def absent(device: DeviceFacts) -> DeviceFacts:
    return DeviceFacts(device.name, device.priority, 0, 0, Reason.DEVICE_ABSENT)


@pytest.mark.parametrize(
    ("prompt", "requested", "devices", "routed", "reason", "order"),
    [
        (1, None, (NPU, GPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["NPU", "GPU", "CPU"]),
        (1800, None, (NPU, GPU, CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["NPU", "GPU", "CPU"]),
        (1801, None, (NPU, GPU, CPU), "GPU", Reason.OVER_TOKEN_LIMIT, ["GPU", "CPU"]),
        (1801, None, (NPU, absent(GPU), CPU), "GPU", Reason.OVER_TOKEN_LIMIT, ["CPU"]),
        (10, None, (absent(NPU), absent(GPU), CPU), "NPU", Reason.WITHIN_TOKEN_LIMIT, ["CPU"]),
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


def test_the_named_fallback_comes_before_the_others():
    route = choose_route(RequestFacts(50, None), (NPU, GPU, CPU), Rule("NPU", "CPU", 1800))
    assert [candidate.device for candidate in route.candidates] == ["NPU", "CPU", "GPU"]


def test_a_prompt_above_every_limit_is_refused_with_the_numbers():
    with pytest.raises(PromptTooLong) as refusal:
        choose_route(RequestFacts(9000, 100), (NPU, absent(GPU), CPU), RULE)
    assert refusal.value.prompt_tokens == 9000
    assert refusal.value.limits == {"NPU": 1800, "CPU": 8192}
    assert "9000" in str(refusal.value) and "8192" in str(refusal.value)


def test_no_usable_device_says_why_for_each():
    with pytest.raises(NoDevice, match="NPU not found by OpenVINO; CPU not found"):
        choose_route(RequestFacts(5, None), (absent(NPU), absent(CPU)), RULE)


@pytest.mark.parametrize(
    ("prompt", "devices", "device", "words"),
    [
        (512, (NPU, CPU), "NPU", "512 tokens: within the NPU's limit of 1,800"),
        (1912, (NPU, CPU), "CPU", "1,912 tokens: over the NPU's limit of 1,800, so CPU"),
        (12, (absent(NPU), CPU), "CPU", "12 tokens: NPU not found by OpenVINO, so CPU"),
    ],
)
def test_a_decision_is_told_in_words(prompt, devices, device, words):
    route = choose_route(RequestFacts(prompt, None), devices, RULE)
    assert explain(route, prompt, RULE, device) == words


device_facts = st.builds(
    DeviceFacts,
    name=st.sampled_from(["NPU", "GPU", "GPU.0", "GPU.1", "CPU"]),
    priority=st.integers(0, 100),
    longest_prompt=st.integers(0, 10_000),
    capacity=st.integers(0, 12_000),
    unusable=st.sampled_from([None, None, Reason.DEVICE_ABSENT, Reason.DEVICE_DISABLED]),
)


@given(
    st.integers(1, 20_000),
    st.none() | st.integers(1, 10**9),
    st.lists(device_facts, max_size=5, unique_by=lambda device: device.name).map(tuple),
    st.builds(
        Rule,
        st.sampled_from(["NPU", "GPU", "CPU"]),
        st.sampled_from(["auto", "CPU", "GPU.1"]),
        st.integers(1, 10_000),
    ),
)
def test_no_route_ever_names_a_device_that_cannot_take_the_prompt(prompt, requested, devices, rule):
    try:
        route = choose_route(RequestFacts(prompt, requested), devices, rule)
    except (PromptTooLong, NoDevice):
        return
    by_name = {device.name: device for device in devices}
    assert route.candidates
    for candidate in route.candidates:
        device = by_name[candidate.device]
        assert device.unusable is None
        assert prompt <= device.longest_prompt
        assert prompt < device.capacity
        assert device.device_class != "NPU" or prompt <= rule.token_limit
