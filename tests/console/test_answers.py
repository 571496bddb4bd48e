"""What a browser is sent of an answer's events."""

from __future__ import annotations

from inference.requests import TextDelta, ThinkingDelta
from npuconsole.console.answers import _frames


def test_reasoning_is_told_apart_from_the_answer() -> None:
    events = (ThinkingDelta("Paris or Lyon?", (1, 2)), TextDelta("Paris", ()))
    thought, said = _frames("a1", "req_1", events)
    assert thought == {"type": "thinking", "id": "a1", "text": "Paris or Lyon?", "tokens": 2}
    assert said == {"type": "text", "id": "a1", "text": "Paris", "tokens": 0}
