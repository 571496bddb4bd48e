"""What is on its way: how far, how long still, and what went wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inference.calibration.runs import Step
from inference.catalog.progress import PullStatus
from inference.catalog.starter import StarterState
from inference.snapshot import Snapshot
from tests.console.facts import NOW, STARTER, a_device, an_engine, draw


def test_a_pull_tells_its_bytes_and_a_time_only_once_it_has_a_pace() -> None:
    slow, fast = draw(
        pulls=(
            PullStatus("a:1b", step="resolving a:1b", fraction=0.0),
            PullStatus("b:1b", step="downloading from hub:x/y", fraction=0.5, total_bytes=100),
        )
    ).on_its_way
    assert (slow.model, slow.fraction, slow.seconds_left) == ("a:1b", 0.0, None)
    assert (fast.words, fast.total_bytes) == ("Downloading from the hub (x/y)", 100)
    assert fast.seconds_left is not None


def test_a_starter_that_waits_for_its_next_try_says_why_and_what_helps() -> None:
    starter = StarterState(STARTER, is_wanted=True, error="disk full", retry_in_seconds=30)
    (row,) = draw(starter=starter).on_its_way
    assert row.error == "disk full"
    assert row.advice.startswith("Next try in 30 s.")
    pulled = draw(starter=starter, pulls=(PullStatus(STARTER),))
    assert [row.error for row in pulled.on_its_way] == [""]


@pytest.mark.parametrize(
    ("device", "usual", "words", "fraction", "left"),
    [
        (a_device("CPU"), {}, "Loading for the first time", None, None),
        (a_device("NPU"), {}, "Compiling; an NPU's first time can take minutes", None, None),
        (a_device("NPU", emulated=True), {}, "Loading for the first time", None, None),
        (a_device("CPU"), {(STARTER, "CPU"): 10.0}, "Loading", 0.4, 6),
        (
            a_device("CPU"),
            {(STARTER, "CPU"): 3.0},
            "Loading, longer than the usual 3\u00a0s",
            None,
            None,
        ),
    ],
)
def test_a_load_is_compared_with_how_long_it_took_before(
    device: Any, usual: dict[tuple[str, str], float], words: str, fraction: Any, left: Any
) -> None:
    (row,) = draw(
        snapshot=Snapshot(devices=(device,)),
        engines=(an_engine(device.name, "loading", wanted_at=NOW - timedelta(seconds=4)),),
        usual_loads=usual,
    ).on_its_way
    assert (row.device, row.words, row.fraction, row.seconds_left) == (
        device.name,
        words,
        fraction,
        left,
    )


def test_engines_that_are_loaded_are_no_work_and_a_calibration_is() -> None:
    (row,) = draw(engines=(an_engine(),), calibration=Step(STARTER, "NPU", "512 tokens")).on_its_way
    assert (row.kind, row.device, row.words) == ("calibration", "NPU", "Measuring: 512 tokens")
