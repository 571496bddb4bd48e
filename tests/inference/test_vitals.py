"""The samples of the last minutes: every token counted once, a bounded number kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from inference.vitals import KEPT, STEP_SECONDS, Recorder, percentile


def an_engine(tokens: int, device: str = "CPU", model: str = "a:1b", pid: int = 7) -> Any:
    return SimpleNamespace(
        model=model, device=device, pid=pid, tokens_produced=tokens, memory_bytes=100
    )


def test_tokens_are_those_since_the_sample_before_by_device() -> None:
    recorder = Recorder()
    recorder.take(100, [an_engine(50)], 1, 0, [])
    recorder.take(105, [an_engine(75), an_engine(10, model="b:1b", pid=8)], 2, 3, [0.2])
    first, second = recorder.samples
    assert first.tokens_per_second == {"CPU": 50 / STEP_SECONDS}
    assert second.tokens_per_second == {"CPU": 35 / STEP_SECONDS}
    assert second.memory_bytes == {"CPU": 200}
    assert (second.at, second.running, second.queued) == (105, 2, 3)


def test_an_engine_that_was_loaded_anew_begins_at_nothing() -> None:
    recorder = Recorder()
    recorder.take(100, [an_engine(50)], 0, 0, [])
    recorder.take(105, [], 0, 0, [])
    recorder.take(110, [an_engine(5, pid=9)], 0, 0, [])
    assert [sample.tokens_per_second for sample in recorder.samples] == [
        {"CPU": 10},
        {},
        {"CPU": 1},
    ]


def test_only_a_quarter_of_an_hour_is_kept() -> None:
    recorder = Recorder()
    for at in range(0, 10 * KEPT * STEP_SECONDS, STEP_SECONDS):
        recorder.take(at, [], 0, 0, [])
    assert len(recorder.samples) == KEPT
    assert KEPT * STEP_SECONDS == 900


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([0.3], 0.5, 0.3),
        ([0.3], 0.95, 0.3),
        ([3, 1, 2], 0.5, 2),
        (range(1, 101), 0.95, 95),
        ([1, 2], 0.95, 2),
    ],
)
def test_percentiles(values: Any, share: float, expected: float | None) -> None:
    assert percentile(list(values), share) == expected
