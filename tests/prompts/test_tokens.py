"""Long texts in pieces: the same ids as the whole, for tokenizers of several kinds."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from inference.prompts import tokens

WORDS = "the quick brown fox jumps over the lazy dog, in 1999 or later; über\nall  the\n\n hills "


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|end|>"]
    return trained(
        tokenizer,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet),
    )


def sentence_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return trained(tokenizer, trainers.BpeTrainer(vocab_size=300))


def across_words() -> Tokenizer:
    """A vocabulary with tokens of several words."""
    return trained(Tokenizer(models.BPE()), trainers.BpeTrainer(vocab_size=300))


def trained(tokenizer: Tokenizer, trainer: trainers.BpeTrainer) -> Tokenizer:
    trainer.show_progress = False
    tokenizer.train_from_iterator([WORDS] * 20, trainer)
    return tokenizer


@pytest.mark.parametrize("make", [byte_level, sentence_piece, across_words])
async def test_a_long_text_has_the_ids_of_the_whole(make):
    tokenizer = make()
    text = (WORDS + "<|end|>") * 700
    assert len(text) > 2 * tokens.PIECE_CHARACTERS
    ids = await tokens.encode(tokenizer, text, limit=10**9)
    assert ids == tokenizer.encode(text, add_special_tokens=False).ids


async def test_a_tokenizer_that_came_with_a_trainings_limits_loses_nothing(tmp_path):
    tokenizer = byte_level()
    whole = tokenizer.encode(WORDS).ids
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=100)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    read = await tokens.tokenizer_of(tmp_path)
    assert await tokens.encode(read, WORDS, limit=10**9) == whole


def test_only_texts_that_can_be_cut_are_cut():
    assert tokens._can_be_cut(byte_level())
    assert not tokens._can_be_cut(sentence_piece())
    assert not tokens._can_be_cut(across_words())


async def test_a_text_far_over_the_limit_is_given_up_early():
    for make in (byte_level, sentence_piece):
        with pytest.raises(tokens.TooManyTokens) as caught:
            await tokens.encode(make(), WORDS * 40_000, limit=5_000)
        assert 5_000 < caught.value.at_least < 400_000
