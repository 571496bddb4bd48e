"""The device cards: state, limits, what is proven, and the fix of an absent one."""

from __future__ import annotations

from typing import Any

import pytest

from inference.snapshot import DeviceInfo, PassportInfo, Snapshot
from inference.status import RestingPair
from npuconsole.console.overview.cards import Verified, device_state
from npuconsole.console.words import DeviceState, describe_absence
from tests.console.facts import STARTER, a_decision, a_device, an_engine, draw

NOT_ALLOWED = (
    "Not found by OpenVINO: this user may not open /dev/dri/renderD128. Add the user to the group "
    "render (sudo usermod -aG render $USER) and log in again."
)


def a_rest(reason: str = "engine_failed") -> RestingPair:
    return RestingPair(STARTER, "CPU", reason, "the engine stopped (signal 9)", 14.0)


def a_passport(model: str, *, is_verified: bool = True, tokens: int = 1024) -> PassportInfo:
    reason = "" if is_verified else "garbage at 512 tokens"
    return PassportInfo(model, "NPU", is_verified, reason, tokens, 60.0, 5.0, 10**9)


@pytest.mark.parametrize(
    ("device", "engines", "resting", "expected"),
    [
        (a_device(present=False), [], [], DeviceState.ABSENT),
        (a_device(present=False, enabled=False), [], [], DeviceState.ABSENT),
        (a_device(enabled=False), [], [], DeviceState.OFF),
        (a_device(), [], [], DeviceState.READY),
        (a_device(), [an_engine()], [], DeviceState.READY),
        (a_device(), [an_engine(running=2)], [], DeviceState.BUSY),
        (a_device(), [an_engine(state="loading", queued=1)], [], DeviceState.LOADING),
        (a_device(), [an_engine(running=1), an_engine(state="loading")], [], DeviceState.LOADING),
        (a_device(), [an_engine(state="failed")], [], DeviceState.DEGRADED),
        (a_device(), [an_engine(state="failed"), an_engine()], [], DeviceState.READY),
        (a_device(), [], [a_rest()], DeviceState.QUARANTINED),
        (a_device(), [], [a_rest("load_failed")], DeviceState.DEGRADED),
        (a_device(), [an_engine()], [a_rest()], DeviceState.DEGRADED),
        (a_device(), [an_engine(running=1)], [a_rest()], DeviceState.BUSY),
    ],
)
def test_one_word_says_how_a_device_is(
    device: DeviceInfo, engines: list[Any], resting: list[Any], expected: DeviceState
) -> None:
    assert device_state(device, engines, resting) == expected


def test_devices_stand_in_the_same_order_whatever_their_priority() -> None:
    devices = tuple(
        a_device(name, priority=priority)
        for name, priority in [("CPU", 1), ("GPU.1", 2), ("NPU", 3), ("GPU.0", 4)]
    )
    picture = draw(snapshot=Snapshot(devices=devices))
    assert [device.name for device in picture.devices] == ["NPU", "GPU.0", "GPU.1", "CPU"]


def test_an_npu_takes_prompts_up_to_the_smaller_of_its_own_and_the_rules_limit() -> None:
    snapshot = Snapshot(devices=(a_device("NPU", max_prompt_len=4096), a_device("CPU")))
    npu, cpu = draw(snapshot=snapshot).devices
    assert (npu.prompt_limit_tokens, cpu.prompt_limit_tokens) == (1800, None)


def test_a_card_adds_up_what_its_engines_do() -> None:
    picture = draw(
        snapshot=Snapshot(devices=(a_device("CPU"),)),
        engines=(an_engine(running=2, queued=1), an_engine(state="loading", model="other:1b")),
        decisions=(a_decision(execution_device="NPU"), a_decision()),
        rates={"CPU": 41.26},
    )
    (card,) = picture.devices
    assert (card.running, card.queued, card.tokens_per_second) == (2, 1, 41.3)
    assert (card.loaded, card.loading) == ((STARTER,), ("other:1b",))
    assert card.last_tokens_per_second == 40.0
    assert (card.served, card.decided) == (1, 2)
    assert card.memory_bytes == 800_000_000
    assert picture.tokens_per_second == 41.3


@pytest.mark.parametrize(
    ("device_class", "reason", "platform", "why", "command"),
    [
        ("GPU", "", "linux", "No GPU found by OpenVINO.", None),
        ("GPU", "Not looked for yet.", "linux", "Not looked for yet.", None),
        (
            "GPU",
            "Not found by OpenVINO, and /dev/dri shows none. Install it.",
            "linux",
            "Not found by OpenVINO, and /dev/dri shows none.",
            "sudo apt install intel-opencl-icd libze-intel-gpu1",
        ),
        (
            "GPU",
            NOT_ALLOWED,
            "linux",
            "Not found by OpenVINO: this user may not open /dev/dri/renderD128.",
            "sudo usermod -aG render $USER",
        ),
        ("GPU", "Not found. Install the driver.", "win32", "Not found.", ""),
        (
            "NPU",
            "Not found. Install the driver.",
            "linux",
            "Not found.",
            "NPUCONSOLE_EMULATE_NPU=1 npuconsole serve",
        ),
        (
            "NPU",
            "Not found. Install the driver.",
            "win32",
            "Not found.",
            "$env:NPUCONSOLE_EMULATE_NPU=1; npuconsole serve",
        ),
    ],
)
def test_an_absent_device_says_why_and_has_at_most_one_fix(
    device_class: str, reason: str, platform: str, why: str, command: str | None
) -> None:
    words, fix = describe_absence(device_class, reason, platform)
    assert words == why
    assert (fix.command if fix else None) == command


def test_what_is_proven_is_told_from_the_passports_loaded_models_first() -> None:
    passports = {
        ("a:1b", "NPU"): a_passport("a:1b"),
        ("b:1b", "NPU"): a_passport("b:1b", is_verified=False),
        (STARTER, "NPU"): a_passport(STARTER, tokens=1792),
    }
    devices = (a_device("NPU"), a_device("CPU"))
    npu, cpu = draw(
        snapshot=Snapshot(devices=devices, passports=passports), engines=(an_engine("NPU"),)
    ).devices
    assert npu.verified == (
        Verified(STARTER, 1792, ""),
        Verified("a:1b", 1024, ""),
        Verified("b:1b", 0, "garbage at 512 tokens"),
    )
    assert cpu.verified == ()


def test_a_device_with_a_model_that_rests_says_which_and_why() -> None:
    (card,) = draw(snapshot=Snapshot(devices=(a_device(),)), resting=(a_rest(),)).devices
    assert card.state == DeviceState.QUARANTINED
    assert f"{STARTER} rests: the engine stopped (signal 9)" in card.detail
