"""When a device counts as answering like the CPU, as tables."""

from __future__ import annotations

import pytest

from inference.calibration.agreement import Bucket, agree, is_degenerate, verdict

TEXT = (5, 6, 7, 8, 9, 10)
LOOP = (3, 3, 3, 3, 3, 3)
CASES = [
    ("the same", [TEXT], [TEXT], 6, True),
    ("four tokens, then another way to go on", [TEXT], [(5, 6, 7, 8, 1, 2)], 4, True),
    ("three tokens are too few", [TEXT], [(5, 6, 7, 1, 9, 10)], 3, False),
    ("one of two prompts is enough", [TEXT, TEXT], [(1, 2, 3, 4, 5, 6), TEXT], 6, True),
    ("short answers must be equal", [(5, 6)], [(5, 6, 7)], 2, True),
    ("short answers that differ", [(5, 6)], [(5, 1)], 1, False),
    ("a loop where the CPU writes text", [TEXT, TEXT], [TEXT, LOOP], 6, False),
    ("a loop where the CPU loops too", [TEXT, LOOP], [TEXT, LOOP], 12, True),
    ("nothing where the CPU writes text", [TEXT, TEXT], [TEXT, ()], 6, False),
    ("nothing on both sides proves nothing", [()], [()], 0, False),
]


@pytest.mark.parametrize(
    ("reference", "answers", "agreed", "is_verified"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_answers_are_compared_from_their_first_token(reference, answers, agreed, is_verified):
    found = agree(reference, answers)
    assert found.agreed_tokens == agreed
    assert found.compared_tokens == sum(len(wanted) for wanted in reference)
    assert found.is_verified is is_verified


@pytest.mark.parametrize(
    ("answer", "degenerate"), [((), True), ((7,), False), ((7, 7), True), ((7, 7, 8), False)]
)
def test_one_token_again_and_again_is_no_answer(answer, degenerate):
    assert is_degenerate(answer) is degenerate


def bucket(length: int, *, good: bool = True, compared: int = 48) -> Bucket:
    return Bucket(length, 30, compared, good, 0.1, 50.0)


GOOD = [bucket(32), bucket(128), bucket(512)]
BAD_LATE = [bucket(32), bucket(128, good=False), bucket(512)]
BAD = [bucket(32, good=False), bucket(128)]
NOT_COMPARED = [bucket(32, good=False, compared=0)]
VERDICTS = [
    # measured, last length, static, failure, note -> verified, tokens, words in the reason
    (GOOD, 512, True, "", "", True, 600, ""),
    (GOOD, 512, False, "", "", True, 600, ""),
    (BAD_LATE, 512, True, "", "", True, 32, "128 tokens are not the CPU's"),
    (BAD_LATE, 512, False, "", "", True, 32, "128 tokens are not the CPU's"),
    (BAD, 512, True, "", "", False, 0, "32 tokens are not the CPU's"),
    ([], 512, True, "it does not load: x", "", False, 0, "it does not load: x"),
    ([], 512, True, "", "not finished within 9 s", False, 0, "not finished within 9 s"),
    ([], 512, True, "", "", False, 0, "nothing was measured"),
    # Time ran out: an NPU is trusted as far as it was compared, others as a whole.
    (GOOD[:2], 512, True, "", "not finished within 9 s", True, 128, "not finished"),
    (GOOD[:2], 512, False, "", "not finished within 9 s", True, 600, "not finished"),
    # The device itself gave up.
    (GOOD[:2], 512, False, "the engine died", "", True, 128, "the engine died"),
    (NOT_COMPARED, 512, True, "", "the CPU cannot load it", False, 0, "the CPU cannot load it"),
]


@pytest.mark.parametrize(
    ("buckets", "last", "is_static", "failure", "note", "is_verified", "tokens", "words"), VERDICTS
)
def test_a_pair_is_verified_up_to_the_last_length_before_a_difference(
    buckets, last, is_static, failure, note, is_verified, tokens, words
):
    found = verdict(
        buckets,
        last_length=last,
        longest_prompt=600,
        is_static=is_static,
        failure=failure,
        note=note,
    )
    assert (found.is_verified, found.verified_prompt_tokens) == (is_verified, tokens)
    assert words in found.reason
    assert bool(words) == bool(found.reason)
