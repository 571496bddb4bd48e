"""What a browser may say on the chat line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.requests import Message
from npuconsole.console.commands import (
    MAX_FRAME_BYTES,
    MAX_MESSAGES,
    MAX_TEXT_CHARACTERS,
    Ask,
    BadCommand,
    Stop,
    parse_command,
)

HELLO = {"role": "user", "content": "hello"}


def frame(**changes: Any) -> str:
    good = {"type": "ask", "id": "a1", "model": "smollm2:135m", "messages": [HELLO]}
    return orjson.dumps({k: v for k, v in (good | changes).items() if v is not ...}).decode()


def test_good_commands_are_understood() -> None:
    assert parse_command(frame()) == Ask("a1", "smollm2:135m", (Message("user", "hello"),))
    assert parse_command('{"type": "stop", "id": "a1"}') == Stop("a1")


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
        (frame(model=...), "Choose a model", "a1"),
        (frame(model="  "), "Choose a model", "a1"),
        (frame(model="m" * 251), "at most 250", "a1"),
        (frame(messages=...), "Write a message", "a1"),
        (frame(messages=[]), "Write a message", "a1"),
        (frame(messages="hello"), "Write a message", "a1"),
        (frame(messages=["hello"]), "JSON object", "a1"),
        (frame(messages=[{"role": "tool", "content": "x"}]), "system, user or assistant", "a1"),
        (frame(messages=[{"role": "user", "content": 5}]), "must be text", "a1"),
        (frame(messages=[{"role": "user", "content": " \n"}]), "Write a message", "a1"),
        (frame(messages=[HELLO, {"role": "assistant", "content": "x"}]), "Write a message", "a1"),
        (frame(messages=[HELLO] * (MAX_MESSAGES + 1)), "start a new one", "a1"),
        (
            frame(messages=[{"role": "user", "content": "x" * (MAX_TEXT_CHARACTERS + 1)}]),
            "at most 32,000 characters, this one 32,001",
            "a1",
        ),
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
            "type": st.sampled_from(["ask", "stop"]) | json_values,
            "id": st.just("a1") | json_values,
            "model": st.just("m") | json_values,
            "messages": st.lists(
                st.fixed_dictionaries(
                    {}, optional={"role": st.just("user") | json_values, "content": json_values}
                )
                | json_values,
                max_size=3,
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
        assert isinstance(command, Ask | Stop)
