"""What the pages say of a model and a device, as tables of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from inference.calibration.agreement import Bucket
from inference.calibration.passports import PassportDraft, PassportReport
from inference.catalog.fit.description import Description, ListedFile
from inference.catalog.fit.planner import Machine, plan_fit
from inference.catalog.fit.verdicts import Room
from inference.catalog.known.entries import KnownModel
from inference.catalog.search import Found
from inference.snapshot import Snapshot
from npuconsole.console.models.found import exact_name, show_fit, show_found
from npuconsole.console.models.shown import Mark, judge, show_models, trouble_of
from npuconsole.console.models.work import stamp_of
from tests.console.facts import NOW, STARTER, a_device, a_model

SPACES = {ord("\u00a0"): " "}


def a_report(device: str = "NPU", *, is_stale: bool = False, **changes: Any) -> PassportReport:
    facts: dict[str, Any] = {
        "model": STARTER,
        "device": device,
        "weight_format": "int8",
        "versions": {},
        "is_verified": True,
        "verified_prompt_tokens": 1800,
        "buckets": (Bucket(512, 30, 32, True, 0.34, 38.2), Bucket(128, 32, 32, True, 0.11, 41.0)),
    }
    return PassportReport(PassportDraft(**(facts | changes)), NOW, is_stale)


RESTING = SimpleNamespace(
    model=STARTER, device="NPU", reason="load_failed", text="the model could not be loaded"
)
UNFIT = replace(a_model().variants[0], device_classes=("CPU", "GPU"))


@pytest.mark.parametrize(
    ("device", "model", "report", "resting", "mark", "words"),
    [
        ({"present": False}, {}, None, None, Mark.NONE, "Not found by OpenVINO"),
        ({"enabled": False}, {}, None, None, Mark.NONE, "Switched off"),
        (
            {},
            {"variants": (UNFIT,)},
            None,
            None,
            Mark.NO,
            "No form of the model is for this device",
        ),
        ({}, {}, None, None, Mark.UNKNOWN, "Not measured yet"),
        ({}, {}, a_report(), None, Mark.YES, "Verified to 1,800 tokens"),
        (
            {},
            {},
            a_report(reason="garbage at 2,000 tokens: repeats itself"),
            None,
            Mark.YES,
            "Verified to 1,800 tokens; garbage at 2,000 tokens: repeats itself",
        ),
        (
            {},
            {},
            a_report(is_verified=False, reason="does not load: out of memory"),
            None,
            Mark.NO,
            "Does not load: out of memory",
        ),
        (
            {},
            {},
            a_report(is_stale=True),
            None,
            Mark.UNKNOWN,
            "Measured before this machine or the model changed",
        ),
        ({}, {}, a_report(), RESTING, Mark.NO, "The model could not be loaded"),
        (
            {},
            {"capabilities": ("embedding",)},
            None,
            None,
            Mark.NONE,
            "Embeds here; only text is measured",
        ),
    ],
)
def test_every_pair_has_a_verdict_with_its_reason(
    device: dict[str, Any],
    model: dict[str, Any],
    report: PassportReport | None,
    resting: Any,
    mark: Mark,
    words: str,
) -> None:
    cell = judge(replace(a_model(), **model), a_device("NPU", **device), report, resting)
    assert (cell.mark, cell.words.translate(SPACES)) == (mark, words)
    assert cell.can_load is (not device and "variants" not in model)


def test_a_verdict_tells_the_speed_of_the_shortest_prompt_and_all_lengths() -> None:
    cell = judge(a_model(), a_device("NPU"), a_report(), None)
    assert cell.detail.translate(SPACES) == "41 tok/s, first token 0.11 s"
    assert [length.tokens for length in cell.lengths] == ["512", "128"]
    assert cell.lengths[0].agreement == "30 of 32"


def test_a_model_on_its_way_is_told_by_its_job_alone() -> None:
    ready, coming = a_model(), replace(a_model("b:1b"), status="installing")
    picture = Snapshot(models={STARTER: ready, "b:1b": coming}, devices=(a_device(),))
    assert [row.name for row in show_models(picture, [], [])] == [STARTER]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"quarantined": ("int8",)}, "Damaged and out of use: int8"),
        ({"status": "failed"}, "Could not be installed"),
        ({"variants": ()}, "Its files are missing"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(changes: dict[str, Any], words: str) -> None:
    trouble = trouble_of(replace(a_model(), **changes))
    assert trouble.startswith(words) and bool(trouble) is bool(words)


def test_the_stamp_changes_with_what_the_pages_show() -> None:
    one = Snapshot(models={STARTER: a_model()}, devices=(a_device(),))
    changed = replace(a_model(), modified_at=NOW + timedelta(seconds=1))
    stamps = {
        stamp_of(one),
        stamp_of(replace(one, models={STARTER: changed})),
        stamp_of(replace(one, pins=frozenset({(STARTER, "CPU")}))),
        stamp_of(replace(one, devices=(a_device(enabled=False),))),
    }
    assert len(stamps) == 4
    assert stamp_of(one) == stamp_of(replace(one))


def found(name: str, **changes: Any) -> Found:
    return Found(name=name, repository=name, kind="llm", **changes)


def test_results_know_what_is_installed_under_any_of_its_names() -> None:
    known = KnownModel(("qwen3", "qwen3:8b"), (), title="Qwen3 8B", npu="limited")
    rows = show_found([found("qwen3", known=known), found("Someone/x-ov")], {"qwen3:8b"})
    assert [row.is_installed for row in rows] == [True, False]
    assert (rows[0].npu, rows[0].npu_words) == (Mark.YES, "Runs on NPUs with limits")
    assert rows[1].model == "Someone/x-ov:latest"


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("", ""),
        ("qwen", ""),  # a word to search for, no repository
        ("two words", ""),
        ("Someone/x-ov", ""),  # found anyway
        ("someone/y-ov", "someone/y-ov"),
        ("hf.co/someone/y-GGUF:Q4_K_M", "hf.co/someone/y-GGUF:Q4_K_M"),
        ("file:mine.gguf", "file:mine.gguf"),
    ],
)
def test_a_repository_can_be_pulled_by_its_exact_name(text: str, exact: str) -> None:
    assert exact_name(text, show_found([found("Someone/x-ov")], ())) == exact


def test_a_fit_says_for_every_device_and_for_the_disk_whether_there_is_room() -> None:
    rooms = (Room("NPU", 100_000_000, is_present=False), Room("CPU", 8_000_000_000))
    description = Description(
        "x-Q4_0.gguf",
        (ListedFile("x-Q4_0.gguf", 500_000_000),),
        facts={
            "architecture": "llama",
            "parameter_count": 1_200_000_000,
            "context_length": 4096,
            "embedding_length": 2048,
            "block_count": 16,
            "head_count": 16,
            "head_count_kv": 4,
        },
    )
    shown = show_fit("x", plan_fit(description, Machine(rooms, 1_000_000_000)))
    assert [(row.device, row.mark) for row in shown.rows] == [("NPU", Mark.NO), ("CPU", Mark.YES)]
    assert "its weights alone need" in shown.rows[0].reason.lower()
    assert shown.runs_somewhere and not shown.has_disk
    assert "Downloads 500 MB" in shown.disk.translate(SPACES)
