"""Estimated token counts against the starter's real tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.prompts.estimate import estimate_tokens

SAMPLES = sorted((Path(__file__).parent / "text_samples").glob("*.txt"))
KINDS = ("english", "german", "chinese", "code", "json")
TOLERANCE = 0.10


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def error_of(text: str, tokenizer: Tokenizer) -> float:
    """How far the estimate is off, as a share of the real count."""
    real = len(tokenizer.encode(text, add_special_tokens=False).ids)
    return estimate_tokens(text) / real - 1


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_the_estimate_is_within_ten_percent_of_the_real_count(sample, tokenizer):
    assert abs(error_of(read(sample), tokenizer)) <= TOLERANCE


def test_every_kind_of_text_has_its_samples():
    kinds = [sample.name.partition("-")[0] for sample in SAMPLES]
    assert all(kinds.count(kind) >= 3 for kind in KINDS)
    assert set(kinds) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_do_not_add_up_over_a_long_text(kind, tokenizer):
    text = "\n".join(read(sample) for sample in SAMPLES if sample.name.startswith(kind))
    assert abs(error_of(text, tokenizer)) <= TOLERANCE


def test_a_large_vocabulary_needs_fewer_tokens_for_every_text():
    for sample in SAMPLES:
        text = read(sample)
        assert estimate_tokens(text, vocabulary_size=151_936) < estimate_tokens(text)


def test_nothing_has_no_tokens_and_anything_at_least_one():
    assert estimate_tokens("") == 0
    assert estimate_tokens(" ") == estimate_tokens("\x00") == 1


@given(st.text(max_size=300), st.text(max_size=300))
def test_more_text_never_makes_an_estimate_negative_or_fail(first, second):
    assert estimate_tokens(first + second) >= 0
    assert estimate_tokens(first + "\ud800", vocabulary_size=200_000) >= 1
