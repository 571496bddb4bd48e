"""What the routing page draws, without a page: scale, bars, marks, curves, words, form."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from inference.calibration.asked import AskedRun
from inference.calibration.runs import Step
from inference.ranges import ranges
from npuconsole.console.change_words import change_words
from npuconsole.console.routing.calibrating import draw_calibrating
from npuconsole.console.routing.curves import draw_charts
from npuconsole.console.routing.diagram import Asked, draw_bars, draw_lanes, moves_between
from npuconsole.console.routing.form import edits_in, rule_fields
from npuconsole.console.routing.token_axis import TokenAxis, axis_for
from tests.inference.small_picture import MODEL, picture
from tests.inference.test_ranges import FAST_START, LATE_WINNER

AXIS = axis_for(8191)
SCRIPT = Path(__file__).parents[2] / "static" / "console" / "js" / "routing-limit.js"


def asked(name: str, tokens: int, device: str, outcome: str = "stop", moved: bool = False) -> Asked:
    return Asked(name, tokens, device, outcome, moved, f"{tokens} tokens")


@given(tokens=st.integers(0, 13_000))
def test_a_place_on_the_axis_is_a_length_again(tokens: int) -> None:
    assert 0 <= AXIS.place(tokens) <= 100
    assert AXIS.tokens_at(AXIS.place(tokens)) == pytest.approx(tokens, abs=1)


@given(most=st.integers(64, 1_000_000), wanted=st.lists(st.integers(0, 1_000_000), max_size=6))
def test_numbers_on_the_axis_can_be_read(most: int, wanted: list[int]) -> None:
    places = [tick.place for tick in TokenAxis(most).ticks(wanted)]
    assert places
    assert all(above - below >= 13 for below, above in pairwise(places))


def test_the_slider_has_the_scale_of_the_axis() -> None:
    found = re.search(r"STRAIGHT_TOKENS = (\d+)", SCRIPT.read_text(encoding="utf-8"))
    assert found
    assert AXIS.place(int(found[1]) * 3) == pytest.approx(2 * AXIS.place(int(found[1])), abs=0.01)


def test_bars_cover_the_axis_and_say_what_they_are() -> None:
    chosen = picture(Path("models"))
    bars = draw_bars(ranges(chosen.models[MODEL], chosen), AXIS, chosen)

    assert [(bar.device, bar.extent) for bar in bars] == [
        ("NPU", "1 to 1,800 tokens"),
        ("CPU", "1,801 to 8,191 tokens"),
        ("", "8,192 tokens and more"),
    ]
    assert bars[0].is_emulated
    assert not bars[1].is_emulated
    assert sum(bar.width for bar in bars) == pytest.approx(100, abs=0.01)


def test_neighbours_that_look_the_same_are_one_bar() -> None:
    slow = replace(FAST_START, buckets=LATE_WINNER.buckets[:1])
    chosen = picture(Path("models"), slow, LATE_WINNER, mode="measured")
    found = ranges(chosen.models[MODEL], chosen)

    words = [(item.device, item.words) for item in found]
    assert len(set(words)) < len(words)
    bars = [(bar.device, bar.words) for bar in draw_bars(found, AXIS, chosen)]
    assert bars == [pair for n, pair in enumerate(words) if n == 0 or pair != words[n - 1]]


def test_requests_stand_in_the_lane_of_the_device_that_served_them() -> None:
    lanes = draw_lanes(
        [
            asked("a", 30, "NPU"),
            asked("b", 900, "CPU", moved=True),
            asked("c", 9000, "", "prompt_too_long"),
            asked("d", 2000, "CPU", "engine_failed"),
        ],
        AXIS,
        picture(Path("models")),
    )

    assert [lane.device for lane in lanes] == ["NPU", "CPU", ""]
    assert [[mark.shape for mark in lane.marks] for lane in lanes] == [
        ["served"],
        ["moved", "failed"],
        ["failed"],
    ]
    assert lanes[1].summary == "2 requests ran on CPU, prompts of 900 to 2,000 tokens"
    assert lanes[2].summary == "1 request that no device took, prompts of 9,000 tokens"


def test_an_edit_says_how_many_real_requests_it_would_move() -> None:
    before = picture(Path("models"))
    after = replace(before, routing=replace(before.routing, token_limit=500))
    model = before.models[MODEL]
    requests = [asked(str(n), tokens, "NPU") for n, tokens in enumerate((100, 600, 700, 1900))]

    moves = moves_between(ranges(model, before), ranges(model, after), requests)

    assert moves == {("NPU", "CPU"): 2}


def test_curves_go_through_what_was_measured_and_go_on_dotted() -> None:
    chosen = picture(Path("models"), FAST_START, LATE_WINNER)
    first, speed, whole = draw_charts(MODEL, chosen, AXIS)

    npu, cpu = first.lines
    assert (npu.device, cpu.device) == ("NPU", "CPU")
    assert [dot.words.replace("\N{NO-BREAK SPACE}", " ") for dot in npu.dots] == [
        "NPU, 32 tokens: 200 ms",
        "NPU, 2,048 tokens: 2 s",
    ]
    assert npu.beyond.split()[0] == npu.known.split()[-1]
    heights = [float(point.split(",")[1]) for point in npu.known.split()]
    assert heights == sorted(heights, reverse=True)
    assert speed.rows[0] == ("32", ("20\N{NO-BREAK SPACE}tok/s", "20\N{NO-BREAK SPACE}tok/s"))
    assert [row[0] for row in whole.rows] == ["32", "2,048"]
    assert draw_charts(MODEL, picture(Path("models")), AXIS) == []


@pytest.mark.parametrize(
    ("subject", "before", "after", "words"),
    [
        (
            "RoutingPolicy",
            {"token_limit": 1800},
            {"token_limit": 900},
            "limit of the NPU: 1,800 → 900",
        ),
        (
            "RoutingPolicy",
            {"mode": "thresholds"},
            {"mode": "measured"},
            "mode: By prompt length → Predicted to finish first",
        ),
        (
            "DevicePolicy.CPU",
            {"max_prompt_len": 4096},
            {"max_prompt_len": None},
            "longest prompt: 4,096 → the model's context",
        ),
        ("DevicePolicy.NPU", {"enabled": True}, {"enabled": False}, "used: yes → no"),
        (
            "Setting.log_level",
            {"value": "INFO"},
            {"value": "DEBUG"},
            "How much the log says: INFO → DEBUG",
        ),
    ],
)
def test_a_change_is_told_in_words(
    subject: str, before: dict[str, object], after: dict[str, object], words: str
) -> None:
    assert change_words(subject, before, after) == [words]


def test_a_form_is_read_by_subject_and_field_and_nothing_else_is() -> None:
    sent = QueryDict(
        "model=x&RoutingPolicy.token_limit=900&DevicePolicy.CPU.enabled=&"
        "DevicePolicy.CPU.enabled=true&DevicePolicy.TPU.priority=1&"
        "Model.smollm2%3A135m.token_limit=50&Setting.port.value=1"
    )
    assert edits_in(sent, picture(Path("models"))) == {
        "RoutingPolicy": {"token_limit": "900"},
        "DevicePolicy.CPU": {"enabled": "true"},
        f"Model.{MODEL}": {"token_limit": "50"},
    }


def test_a_locked_field_shows_the_variable_and_the_value_in_force(
    rows: None, environment_variable: object
) -> None:
    environment_variable("NPU_PROXY_TOKEN_LIMIT", "700")  # type: ignore[operator]
    field = rule_fields(picture(Path("models")))["token_limit"]

    assert (field.value, field.locked_by) == ("700", "NPU_PROXY_TOKEN_LIMIT")


def test_the_picture_tells_of_a_calibration_and_of_its_end() -> None:
    step = Step(MODEL, "NPU", "prompts of 512 tokens", 5, 9)
    idle = draw_calibrating(step, None)
    mine = draw_calibrating(step, AskedRun(MODEL, "NPU"))
    waiting = draw_calibrating(None, AskedRun(MODEL, "NPU"))
    ended = draw_calibrating(None, AskedRun(MODEL, "NPU", False, "verified", ""))

    assert draw_calibrating(None, None) is None
    assert idle
    assert (idle.words, idle.number, idle.steps, idle.is_asked) == (step.words, 5, 9, False)
    assert mine
    assert mine.is_asked
    assert waiting
    assert waiting.words == "waiting for its turn"
    assert ended
    assert (ended.words, ended.outcome) == ("", "verified")
