"""Which texts share an encoder's step: tables, and properties that hold for any texts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.worker.batching import Text, choose_step, in_waiting_order


def waiting(*requests: list[int]) -> list[list[Text]]:
    """Requests with texts of these lengths."""
    return [
        in_waiting_order(number, [[7] * length for length in lengths])
        for number, lengths in enumerate(requests)
    ]


def lengths_by_request(step: list[Text]) -> list[tuple[int, int]]:
    return [(text.number, len(text.ids)) for text in step]


@pytest.mark.parametrize(
    ("requests", "tokens", "step"),
    [
        # One request: its longest texts first, as many as fit with their padding.
        (([10],), 512, [(0, 10)]),
        (([50, 40, 60],), 512, [(0, 60), (0, 50), (0, 40)]),
        (([100, 100, 100],), 200, [(0, 100), (0, 100)]),
        # A text longer than a step gets one for itself.
        (([900, 900],), 512, [(0, 900)]),
        # Much shorter texts would mostly be padding: they wait for their own step.
        (([200, 99, 10],), 999, [(0, 200)]),
        (([200, 101, 10],), 999, [(0, 200), (0, 101)]),
        # Short ones are all alike.
        (([32, 2, 9],), 512, [(0, 32), (0, 9), (0, 2)]),
        # Others join the request whose turn it is, where they fit.
        (([50], [40]), 512, [(0, 50), (1, 40)]),
        (([50], [300, 45, 8]), 512, [(0, 50), (1, 45)]),
        (([6], [300] * 9), 512, [(0, 6)]),
        # The static encoder takes one at a time.
        (([50, 40], [30]), 1, [(0, 50)]),
        # A text without tokens is a text.
        (([0],), 512, [(0, 0)]),
    ],
)
def test_a_step(requests: tuple[list[int], ...], tokens: int, step: list[tuple[int, int]]) -> None:
    assert lengths_by_request(choose_step(waiting(*requests), tokens)) == step


@given(
    st.lists(st.lists(st.integers(0, 600), min_size=1, max_size=12), min_size=1, max_size=6),
    st.integers(1, 1000),
)
def test_every_text_has_its_step_and_no_step_is_too_large(
    requests: list[list[int]], tokens: int
) -> None:
    left = waiting(*requests)
    seen: Counter[tuple[int, int]] = Counter()
    while left:
        step = choose_step(left, tokens)
        longest = max(len(text.ids) for text in step)
        assert len(step) == 1 or len(step) * longest <= tokens
        assert step[0].number == left[0][0].number, "somebody else took the turn"
        seen.update((text.number, text.place) for text in step)
        gone = {(text.number, text.place) for text in step}
        left = [[t for t in texts if (t.number, t.place) not in gone] for texts in left]
        left = [texts for texts in (*left[1:], left[0]) if texts]

    assert seen == Counter(
        (number, place) for number, texts in enumerate(requests) for place in range(len(texts))
    )
