"""What a model is told of what was said before."""

from __future__ import annotations

from inference.requests import Message
from npuconsole.console.chat.said import Said, history

CALL = {"id": "call_1", "name": "get_weather", "arguments": {"city": "Ulm"}}


def asked(id: int, text: str) -> Said:
    return Said(id, "user", text)


def answered(id: int, question: int, text: str, lane: int = 0, **more: object) -> Said:
    return Said(id, "assistant", text, question=question, lane=lane, **more)  # type: ignore[arg-type]


def told(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def test_each_lane_goes_on_with_its_own_answers() -> None:
    said = [asked(1, "one"), answered(2, 1, "left"), answered(3, 1, "right", 1), asked(4, "two")]

    assert told(history(said, 4, 0)) == [("user", "one"), ("assistant", "left"), ("user", "two")]
    assert told(history(said, 4, 1)) == [("user", "one"), ("assistant", "right"), ("user", "two")]


def test_a_lane_that_joined_later_goes_on_with_the_first_one() -> None:
    said = [asked(1, "one"), answered(2, 1, "left"), asked(3, "two")]

    assert told(history(said, 3, 2))[1] == ("assistant", "left")


def test_the_last_of_several_answers_counts_and_one_that_failed_never() -> None:
    said = [
        asked(1, "one"),
        answered(2, 1, "first try"),
        answered(3, 1, "second try"),
        answered(4, 1, " "),
        asked(5, "two"),
    ]

    assert told(history(said, 5, 0))[1] == ("assistant", "second try")


def test_a_question_that_nobody_answered_is_left_out() -> None:
    said = [asked(1, "one"), answered(2, 1, ""), asked(3, "two"), asked(4, "three")]

    assert told(history(said, 4, 0)) == [("user", "three")]


def test_an_answer_that_came_after_the_next_question_still_belongs_to_its_own() -> None:
    said = [asked(1, "one"), asked(2, "two"), answered(3, 2, "b"), answered(4, 1, "a")]

    assert [text for _, text in told(history(said, 2, 0))] == ["one", "a", "two"]


def test_an_earlier_question_is_answered_again_as_if_it_were_the_last() -> None:
    said = [asked(1, "one"), answered(2, 1, "a"), asked(3, "two"), answered(4, 3, "b")]

    assert told(history(said, 1, 0)) == [("user", "one")]


def test_what_follows_a_call_is_what_the_tool_gave_back() -> None:
    said = [asked(1, "Weather?"), answered(2, 1, "", calls=[CALL]), asked(3, "sunny")]

    _, call, result = history(said, 3, 0)

    assert call.extra["tool_calls"][0]["function"] == {
        "name": "get_weather",
        "arguments": {"city": "Ulm"},
    }
    assert (result.role, result.content) == ("tool", "sunny")
    assert result.extra["tool_call_id"] == "call_1"
