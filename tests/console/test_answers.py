"""What becomes of an answer's events, and what a lane asks for."""

from __future__ import annotations

from typing import Any

import pytest

from inference.requests import (
    DeviceWish,
    Failed,
    Message,
    Need,
    Sampling,
    TextDelta,
    ThinkingDelta,
    ToolCall,
)
from npuconsole.console.chat.answers import _take, request_for
from npuconsole.console.chat.choices import Choices, Lane
from npuconsole.console.chat.conversations import Draft, Turn

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}


def turn(**choices: Any) -> Turn:
    lanes = (Lane("m"), Lane("n", "NPU"))
    told = (Message("user", "hello"),)
    return Turn("a1", 1, "hello", 2, Choices(lanes, **choices), (0, 1), (told, told))


def test_reasoning_and_calls_are_told_apart_from_the_answer_and_kept() -> None:
    draft = Draft()

    thought = _take(ThinkingDelta("Paris or Lyon?", (1, 2)), draft)
    said = _take(TextDelta("Paris", ()), draft)
    called = _take(ToolCall(0, "get_weather", {"city": "Ulm"}, "no such city"), draft)

    assert thought == {"type": "thinking", "text": "Paris or Lyon?", "tokens": 2}
    assert said == {"type": "text", "text": "Paris", "tokens": 0}
    assert called is not None
    assert called["call"]["problem"] == "no such city"
    assert (draft.thinking, draft.content) == ("Paris or Lyon?", "Paris")
    assert draft.calls == [called["call"]]
    with pytest.raises(ZeroDivisionError):
        _take(Failed(ZeroDivisionError()), draft)


def test_a_lane_asks_its_own_model_on_its_own_device() -> None:
    asked = turn(sampling=Sampling(top_k=3), system="Be brief.")

    left, right = request_for(asked, 0, "::1"), request_for(asked, 1, "::1")

    assert (left.model, left.wish) == ("m", None)
    assert (right.model, right.wish) == ("n", DeviceWish("NPU"))
    assert right.sampling == Sampling(top_k=3)
    assert right.messages == (Message("system", "Be brief."), Message("user", "hello"))
    assert right.client == "::1"


@pytest.mark.parametrize(("must_call", "mode"), [(False, "auto"), (True, "required")])
def test_tools_are_offered_or_demanded(must_call: bool, mode: str) -> None:
    request = request_for(turn(tools=(TOOL,), must_call=must_call), 0, "")

    assert request.tools == (TOOL,)
    assert request.tool_choice.mode == mode
    assert request.needs == {Need.TOOLS}


def test_a_model_that_cannot_reason_is_not_told_to() -> None:
    assert request_for(turn(think=True), 0, "").think is None
