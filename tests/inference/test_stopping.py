"""Stop strings are exact to the character, however the text is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.worker.stopping import StopMatcher


def run(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    matcher, sent = StopMatcher(stops), ""
    for piece in pieces:
        safe, met = matcher.feed(piece)
        sent += safe
        if met:
            return sent, True
    return sent + matcher.flush(), False


@pytest.mark.parametrize(
    ("stops", "pieces", "sent", "met"),
    [
        (["d, 2"], ["1. Red", ", 2. Blue"], "1. Re", True),
        (["lue, 3"], ["1. Red, 2. B", "lu", "e, ", "3"], "1. Red, 2. B", True),
        (["\n\n"], ["a\n", "b\n", "\nc"], "a\nb", True),
        (["END"], ["the EN", "D of it"], "the ", True),
        (["END"], ["the EN", "emy"], "the ENemy", False),
        (["END"], ["the EN"], "the EN", False),
        (["b", "ab"], ["xa", "b"], "x", True),
        ([""], ["text"], "text", False),
        ([], ["text"], "text", False),
    ],
)
def test_text_up_to_the_stop_string_is_sent(stops, pieces, sent, met):
    assert run(stops, pieces) == (sent, met)


alphabet = st.text("ab\n", max_size=30)


@given(st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), alphabet, st.data())
def test_any_cutting_gives_the_same_text_as_the_whole(stops, text, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    sent, met = run(stops, pieces)
    found = [text.find(stop) for stop in stops if stop in text]
    assert met == bool(found)
    if not found:
        assert sent == text
    else:
        assert not any(stop in sent for stop in stops)
        assert text.startswith(sent)
