"""Texts to ids: the same as the tokenizer's own of the whole text, however little of it is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.embeddings.texts import Shape, beginning_of, encode_inputs
from inference.errors import InvalidRequest
from tests.catalog.tiny_encoder import WORDS, tiny_tokenizer

CLS, SEP = 2, 3
SHAPE = Shape(longest=24, vocabulary=len(WORDS), prefix=(CLS,), suffix=(SEP,))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = tiny_tokenizer()
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(
    tokenizer: Tokenizer, *inputs: str | tuple[int, ...], truncate: bool = True
) -> list[tuple[int, ...]]:
    return asyncio.run(encode_inputs(tokenizer, inputs, SHAPE, truncate=truncate))


def whole(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text).ids
    return ids


def cut(ids: list[int]) -> tuple[int, ...]:
    return tuple(ids if len(ids) <= 24 else [*ids[:23], ids[-1]])


def test_every_text_is_framed_and_an_empty_one_is_a_text(tokenizer: Tokenizer) -> None:
    assert encode(tokenizer, "a b!", "", "zzz") == [
        (CLS, 4, 5, WORDS.index("!"), SEP),
        (CLS, SEP),
        (CLS, 1, SEP),
    ]


def test_a_long_text_is_cut_behind_its_first_tokens(tokenizer: Tokenizer) -> None:
    (ids,) = encode(tokenizer, "a b " * 5_000)

    assert ids == (CLS, *([4, 5] * 11), SEP)


@pytest.mark.parametrize(("tokens", "fits"), [(22, True), (23, False), (50_000, False)])
def test_what_must_not_be_cut_is_refused(tokenizer: Tokenizer, tokens: int, fits: bool) -> None:
    text = "a " * tokens
    if fits:
        assert len(encode(tokenizer, text, truncate=False)[0]) == 24
    else:
        with pytest.raises(InvalidRequest, match="the input length exceeds the context length"):
            encode(tokenizer, "a", text, truncate=False)


def test_blanks_at_the_end_do_not_make_a_text_too_long(tokenizer: Tokenizer) -> None:
    assert len(encode(tokenizer, "a " * 22 + " " * 100_000, truncate=False)[0]) == 24


@settings(max_examples=200)
@given(
    st.lists(
        st.text(st.sampled_from("abcdABxé.! \n\u00a0\u2003北"), max_size=1200).map(
            lambda text: text * 4
        ),
        min_size=1,
        max_size=4,
    )
)
def test_reading_only_the_beginning_gives_the_same_ids(
    tokenizer: Tokenizer, texts: list[str]
) -> None:
    assert encode(tokenizer, *texts) == [cut(whole(tokenizer, text)) for text in texts]


@pytest.mark.parametrize(
    ("text", "characters", "beginning"),
    [
        ("ab cd ef", 99, "ab cd ef"),
        ("ab cd ef", 8, "ab cd ef"),
        ("ab cd ef", 7, "ab cd"),
        ("ab cd ef", 6, "ab cd"),
        ("ab\ncd\tef", 5, "ab"),
        ("abcdefgh", 4, "abcdefgh"),
        (" abcdefgh", 4, " abcdefgh"),
    ],
)
def test_a_beginning_ends_between_words(text: str, characters: int, beginning: str) -> None:
    assert beginning_of(text, characters) == beginning


@pytest.mark.parametrize("ids", [(4, 5), (CLS, 4, 5), (4, 5, SEP), (CLS, 4, 5, SEP)])
def test_own_ids_are_framed_once(tokenizer: Tokenizer, ids: tuple[int, ...]) -> None:
    assert encode(tokenizer, ids) == [(CLS, 4, 5, SEP)]


def test_own_ids_are_cut_like_texts(tokenizer: Tokenizer) -> None:
    assert encode(tokenizer, (4,) * 100, "a") == [(CLS, *(4,) * 22, SEP), (CLS, 4, SEP)]


@pytest.mark.parametrize("token", [-1, len(WORDS), 2**40])
def test_a_number_that_is_no_token_is_refused(tokenizer: Tokenizer, token: int) -> None:
    with pytest.raises(InvalidRequest, match="no token of this model"):
        encode(tokenizer, (4, token))


def test_a_shape_comes_from_the_facts(tmp_path: Path) -> None:
    facts = {"vocab_size": 20, "prefix_ids": [2], "suffix_ids": [3]}

    assert Shape.of(facts, 9) == Shape(9, 20, (2,), (3,))
    assert Shape.of(facts, 9).room == 7


async def test_a_long_text_does_not_hold_the_event_loop(tokenizer: Tokenizer) -> None:
    """Turns of the loop are counted, not timed: none happens while the lock is held."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    before = turns
    await encode_inputs(tokenizer, ["a" * 400_000], SHAPE, truncate=True)
    counting.cancel()

    assert turns - before > 10
