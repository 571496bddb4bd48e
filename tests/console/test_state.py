"""The picture: from what the server knows to what a person reads, as tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference.catalog.progress import PullStatus
from inference.catalog.starter import StarterState
from inference.records import RecordDraft
from inference.snapshot import DeviceInfo, ModelInfo, SettingsInfo, Snapshot, VariantInfo
from npuconsole.console.history import SECONDS_KEPT, RateHistory
from npuconsole.console.state import Facts, Picture, device_state, draw_picture
from npuconsole.console.words import (
    DeviceState,
    describe_absence,
    describe_error,
    describe_outcome,
    describe_starter_help,
    describe_step,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STARTER = "smollm2:135m"
NOT_ALLOWED = (
    "Not found by OpenVINO: this user may not open /dev/dri/renderD128. Add the user to the group "
    "render (sudo usermod -aG render $USER) and log in again."
)


def a_device(name: str = "CPU", **changes: Any) -> DeviceInfo:
    facts: dict[str, Any] = {
        "name": name,
        "present": True,
        "enabled": True,
        "emulated": False,
        "full_name": f"Some {name}",
        "driver": "",
        "absent_reason": "",
        "priority": 10,
        "max_prompt_len": None,
        "min_response_len": 512,
        "max_engines": 3,
        "max_concurrent_requests": 32,
        "max_queued_requests": 512,
    }
    return DeviceInfo(**(facts | changes))


def an_engine(device: str = "CPU", state: str = "ready", **changes: Any) -> Any:
    facts = {
        "model": STARTER,
        "device": device,
        "state": state,
        "expires_at": NOW + timedelta(minutes=5),
        "is_kept_forever": False,
        "memory_bytes": 400_000_000,
        "running": 0,
        "queued": 0,
    }
    return SimpleNamespace(**(facts | changes))


def a_model(name: str = STARTER, status: str = "ready") -> ModelInfo:
    return ModelInfo(
        id=1,
        name=name,
        status=status,
        family="llama",
        digest="0" * 64,
        size_bytes=104_000_000,
        parameter_count=135_000_000,
        quantization="Q4_1",
        context_length=8192,
        capabilities=("completion",),
        modified_at=NOW,
        variants=(VariantInfo(1, Path("x"), "int8", 104_000_000),),
        facts={},
        chat_template="",
    )


def a_decision(**changes: Any) -> RecordDraft:
    facts: dict[str, Any] = {
        "request_id": "req_1",
        "received_at": NOW - timedelta(seconds=10),
        "family": "ollama",
        "endpoint": "/api/chat",
        "model_name": STARTER,
        "outcome": "stop",
        "execution_device": "CPU",
        "explanation": "1,912 tokens: over the NPU's limit of 1,800, so CPU",
        "fallback_reason": "",
        "completion_tokens": 21,
        "decode_seconds": 0.5,
        "ttft_seconds": 0.2,
        "total_seconds": 1.0,
    }
    return RecordDraft(**(facts | changes))


def draw(**changes: Any) -> Picture:
    facts: dict[str, Any] = {
        "at": NOW,
        "version": "0.1.0",
        "starting_step": "",
        "snapshot": Snapshot(),
        "engines": (),
        "decisions": (),
        "pulls": (),
        "starter": StarterState(STARTER),
        "running": 0,
        "queued": 0,
        "rates": {},
        "history": {},
        "platform": "linux",
    }
    return draw_picture(Facts(**(facts | changes)))


@pytest.mark.parametrize(
    ("device", "engines", "expected"),
    [
        (a_device(present=False), [], DeviceState.ABSENT),
        (a_device(present=False, enabled=False), [], DeviceState.ABSENT),
        (a_device(enabled=False), [], DeviceState.OFF),
        (a_device(), [], DeviceState.READY),
        (a_device(), [an_engine()], DeviceState.READY),
        (a_device(), [an_engine(running=2)], DeviceState.BUSY),
        (a_device(), [an_engine(state="loading", queued=1)], DeviceState.LOADING),
        (a_device(), [an_engine(running=1), an_engine(state="loading")], DeviceState.LOADING),
        (a_device(), [an_engine(state="failed")], DeviceState.DEGRADED),
        (a_device(), [an_engine(state="failed"), an_engine()], DeviceState.READY),
    ],
)
def test_one_word_says_how_a_device_is(
    device: DeviceInfo, engines: list[Any], expected: DeviceState
) -> None:
    assert device_state(device, engines) == expected


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
        history={"CPU": (0.0, 41.3)},
    )
    (card,) = picture.devices
    assert (card.running, card.queued, card.tokens_per_second) == (2, 1, 41.3)
    assert (card.loaded, card.loading) == ((STARTER,), ("other:1b",))
    assert card.last_tokens_per_second == 40.0
    assert picture.tokens_per_second == 41.3


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


@pytest.mark.parametrize(
    ("starter", "pulls", "words", "fraction", "error"),
    [
        (
            StarterState(STARTER, is_wanted=True, words="beginning"),
            (),
            "Beginning",
            0.0,
            "",
        ),
        (
            StarterState(STARTER, is_wanted=True, words="downloading", fraction=0.5),
            (PullStatus(STARTER, step="downloading from hub:a/b@123", fraction=0.5),),
            "Downloading from the hub (a/b)",
            0.5,
            "",
        ),
        (
            StarterState(STARTER, is_wanted=True, words="waiting", error="disk full"),
            (),
            "Waiting",
            0.0,
            "disk full",
        ),
    ],
)
def test_the_starters_progress_is_told_in_words(
    starter: StarterState, pulls: tuple[PullStatus, ...], words: str, fraction: float, error: str
) -> None:
    models = {STARTER: a_model(status="installing")}
    picture = draw(snapshot=Snapshot(models=models), starter=starter, pulls=pulls)
    (model,) = picture.models
    assert model.is_starter
    assert model.progress is not None
    assert (model.progress.words, model.progress.fraction) == (words, fraction)
    assert model.progress.error == error
    assert bool(model.progress.advice) == bool(error)


def test_a_ready_model_has_no_progress_and_says_where_it_is_loaded() -> None:
    picture = draw(
        snapshot=Snapshot(
            models={STARTER: a_model(), "a:1b": a_model("a:1b")},
            devices=(a_device("NPU", emulated=True),),
        ),
        engines=(an_engine("NPU"),),
    )
    starter, other = picture.models
    assert (starter.name, other.name) == (STARTER, "a:1b")
    assert starter.progress is None
    (home,) = starter.residences
    assert (home.device, home.emulated) == ("NPU", True)
    assert home.expires_at == int((NOW + timedelta(minutes=5)).timestamp() * 1000)
    assert other.residences == ()


def test_the_echo_engine_is_announced() -> None:
    assert draw().echo is False
    assert draw(snapshot=Snapshot(settings=SettingsInfo(real_inference=False))).echo is True


def test_pictures_are_equal_when_only_the_clock_moved() -> None:
    assert draw() == draw(at=NOW + timedelta(seconds=1))
    assert draw() != draw(running=1)


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


def test_words_for_outcomes_sources_and_help() -> None:
    assert describe_outcome("stop") == ""
    assert describe_outcome("some_new_code") == "some new code"
    assert describe_error("engine_failed", "runner gone").startswith("The engine stopped")
    assert describe_error("timeout", "it took long") == "It took long"
    assert describe_step("downloading from package-index:llm-x==0.1.2") == (
        "Downloading from the package index (llm-x 0.1.2)"
    )
    assert describe_starter_help(30).startswith("Next try in 30 s.")


def test_the_history_is_one_value_a_second_and_forgets_after_a_minute() -> None:
    history = RateHistory()
    history.record(100.2, {"CPU": 5})
    history.record(100.7, {"CPU": 7})
    history.record(102.0, {"CPU": 9})
    series = history.series(102.9)["CPU"]
    assert len(series) == SECONDS_KEPT
    assert series[-3:] == (7, 0.0, 9)
    history.record(200.0, {})
    assert history.series(200.0) == {}
