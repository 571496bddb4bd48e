"""The prompts that devices are measured with."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from inference.calibration.prompts import length_below, make_prompts, prompt_lengths

BLOCK_TOKENS = 16
"""Less than the prefix cache's block: prompts that differ within it share nothing."""


@pytest.mark.parametrize(
    ("longest", "capacity", "is_static", "lengths"),
    [
        (2048, 2559, True, (32, 128, 512, 1024, 2048)),
        (256, 767, True, (32, 128, 256)),
        (1800, 2311, True, (32, 128, 512, 1024, 1800)),
        (20, 100, True, (20,)),
        # The answer needs room where prompt and answer share the whole context.
        (8192, 8192, False, (32, 128, 512, 1024, 2048, 4096, 8176)),
        (131072, 131072, False, (32, 128, 512, 1024, 2048, 4096, 8192)),
        (16384, 16895, True, (32, 128, 512, 1024, 2048, 4096, 8192, 16384)),
    ],
)
def test_lengths_grow_up_to_the_limit_of_the_pair(longest, capacity, is_static, lengths):
    assert prompt_lengths(longest, capacity, is_static=is_static) == lengths


@pytest.mark.parametrize(
    ("tokens", "below"), [(1, 0), (32, 0), (33, 32), (600, 512), (1912, 1024), (2048, 1024)]
)
def test_below_a_length_comes_the_next_shorter_one(tokens, below):
    assert length_below(tokens) == below


def test_prompts_have_exactly_their_length_and_no_two_begin_alike(tokenizer: Tokenizer) -> None:
    lengths = (32, 128, 512, 1024, 8176)
    prompts = make_prompts(tokenizer, lengths)

    assert {length: len(prompts[length]) for length in lengths} == {
        32: 3,
        128: 3,
        512: 3,
        1024: 2,
        8176: 2,
    }
    assert all(len(ids) == length for length in lengths for ids in prompts[length])
    beginnings = [tuple(ids[:BLOCK_TOKENS]) for found in prompts.values() for ids in found]
    assert len(set(beginnings)) == len(beginnings)


def test_a_prompt_breaks_off_within_a_passage_it_had_before(tokenizer: Tokenizer) -> None:
    (ids, *_) = make_prompts(tokenizer, (128,))[128]

    end = ids[-20:]

    assert any(ids[place : place + 20] == end for place in range(100))


def test_a_model_that_wants_a_token_first_gets_it() -> None:
    words = Tokenizer(WordLevel({"[BOS]": 0, "a": 1, "the": 2, "?": 3}, unk_token="?"))
    words.pre_tokenizer = Whitespace()
    words.post_processor = TemplateProcessing(single="[BOS] $A", special_tokens=[("[BOS]", 0)])

    prompts = make_prompts(words, (8,))[8]

    assert [ids[0] for ids in prompts] == [0, 0, 0]
    assert all(len(ids) == 8 and 0 not in ids[1:] for ids in prompts)
