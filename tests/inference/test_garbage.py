"""Garbage is told from answers that merely repeat."""

from __future__ import annotations

import pytest

from inference.garbage import GarbageGuard


def judge_in_batches(ids: list[int], size: int) -> str:
    guard = GarbageGuard()
    for at in range(0, len(ids), size):
        guard.feed(ids[at : at + size], "word ")
    return guard.verdict


def judge(ids: list[int], texts: list[str] | None = None) -> str:
    guard = GarbageGuard()
    for at, token in enumerate(ids):
        guard.feed([token], texts[at] if texts else "word ")
    return guard.verdict


@pytest.mark.parametrize(
    ("ids", "is_garbage"),
    [
        ([7] * 31, True),
        ([7] * 30, False),
        ([1, 2, 3] + [7] * 31 + [4], True),
        ([1, 2] * 48, True),
        ([1, 2] * 47 + [1], False),
        ([1, 2, 3, 4] * 24, True),
        ([1, 2, 3, 4, 5] * 40, False),
        (list(range(500)), False),
        ([1] + [8, 9] * 48, True),
        ([1, 2] + [8, 9] * 90, False),
    ],
)
def test_only_what_no_answer_looks_like_counts(ids, is_garbage):
    assert bool(judge(ids)) == is_garbage
    for size in (2, 5, 94, 1000):
        assert bool(judge_in_batches(ids, size)) == is_garbage


def test_a_storm_of_broken_characters_is_garbage_and_a_few_are_not():
    assert judge(list(range(8)), ["\ufffd"] * 8)
    assert not judge(list(range(40)), ["\ufffd", "a", "b", "c"] * 10)


@pytest.mark.parametrize(
    ("pieces", "is_suspicious"),
    [
        ([(5, "Hello")], False),
        ([(5, "!")], True),
        ([(5, "!"), (5, "!"), (5, "!")], True),
        ([(5, "{"), (6, "a")], False),
        ([(5, "a"), (5, "a")], True),
        ([(5, "a"), (6, "!")], False),
    ],
)
def test_text_is_held_back_until_it_looks_like_an_answer(pieces, is_suspicious):
    guard = GarbageGuard()
    for token, text in pieces:
        guard.feed([token], text)
    assert guard.is_suspicious == is_suspicious
