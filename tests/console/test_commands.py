"""What a browser may say on the chat line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npuconsole.console.chat.choices import MAX_TEXT_CHARACTERS, Choices, Lane
from npuconsole.console.chat.commands import (
    MAX_FRAME_BYTES,
    Again,
    Ask,
    BadCommand,
    Stop,
    parse_command,
)

CHOICES = {"lanes": [{"model": "smollm2:135m", "device": "CPU"}]}
CHOSEN = Choices((Lane("smollm2:135m", "CPU"),))


def frame(**changes: Any) -> str:
    good = {"type": "ask", "id": "a1", "conversation": None, "text": "hello", "choices": CHOICES}
    return orjson.dumps({k: v for k, v in (good | changes).items() if v is not ...}).decode()


def again(**changes: Any) -> str:
    return frame(**({"type": "again", "conversation": 3, "question": 7, "lane": 0} | changes))


def test_good_commands_are_understood() -> None:
    assert parse_command(frame()) == Ask("a1", None, "hello", CHOSEN)
    assert parse_command(frame(conversation=3)) == Ask("a1", 3, "hello", CHOSEN)
    assert parse_command(again()) == Again("a1", 3, 7, 0, CHOSEN)
    assert parse_command('{"type": "stop", "id": "a1"}') == Stop("a1")
    assert parse_command('{"type": "stop", "id": "a1", "lane": 1}') == Stop("a1", 1)


@pytest.mark.parametrize(
    ("text", "words", "stream_id"),
    [
        (None, "text frames", ""),
        ("{", "not valid JSON", ""),
        ("[1]", "JSON object", ""),
        ("x" * (MAX_FRAME_BYTES + 1), "over 512 kB", ""),
        (frame(id=...), '"id"', ""),
        (frame(id=5), '"id"', ""),
        (frame(id="x" * 41), '"id"', ""),
        (frame(type="shout"), '"type"', "a1"),
        (frame(text=...), "Write a message", "a1"),
        (frame(text=" \n"), "Write a message", "a1"),
        (frame(text=["x"]), "Write a message", "a1"),
        (
            frame(text="x" * (MAX_TEXT_CHARACTERS + 1)),
            "at most 32,000 characters, this one 32,001",
            "a1",
        ),
        (frame(choices=...), "choices", "a1"),
        (frame(choices={"lanes": []}), "Choose a model", "a1"),
        (frame(conversation=-1), "conversation", "a1"),
        (frame(conversation="3"), "conversation", "a1"),
        (frame(conversation=True), "conversation", "a1"),
        (again(question=None), "question", "a1"),
        (again(lane=1), "no such lane", "a1"),
        ('{"type": "stop", "id": "a1", "lane": "x"}', "lane", "a1"),
    ],
)
def test_bad_commands_say_what_is_wrong(text: str | None, words: str, stream_id: str) -> None:
    with pytest.raises(BadCommand) as caught:
        parse_command(text)
    assert words in caught.value.message
    assert caught.value.stream_id == stream_id


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["ask", "again", "stop"]) | json_values,
            "id": st.just("a1") | json_values,
            "text": st.just("hello") | json_values,
            "conversation": json_values,
            "question": json_values,
            "lane": json_values,
            "choices": st.fixed_dictionaries(
                {"lanes": st.just(CHOICES["lanes"]) | json_values},
                optional={"sampling": json_values, "tools": json_values, "think": json_values},
            )
            | json_values,
        },
    )
    | json_values
)
def test_whatever_comes_is_a_command_or_refused_in_words(value: Any) -> None:
    try:
        command = parse_command(orjson.dumps(value).decode())
    except BadCommand as refused:
        assert refused.message
    else:
        assert isinstance(command, Ask | Again | Stop)
