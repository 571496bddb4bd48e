"""Text to token ids, once, before a device is chosen: exact counts drive the routing.

The `tokenizers` library reads the model's own tokenizer.json (made at import where a model brings
none); it is the same for every device and needs no engine process.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

IN_THREAD_ABOVE_CHARACTERS = 20_000
"""Encoding this much takes about 5 ms, the most the event loop may be held."""
PIECE_CHARACTERS = 16_000
PIECES_AT_ONCE = 16
"""Handed out to all processors together; whether the limit is passed is looked at in between."""
LONGEST_WHOLE_CHARACTERS = 1_000_000
"""Longer texts that cannot be cut are counted in slices first: a prompt of megabytes would cost
gigabytes."""

_BETWEEN_WORDS = re.compile("(?<=[a-z])(?= [a-z])")
# Byte-level vocabularies write a space as U+0120, SentencePiece as U+2581.
_ACROSS_A_SPACE = re.compile("[a-z][ \u0120\u2581][a-z]")
_PROBE = "some words that are\nnot too plain, über all 3 lines of code."

_loaded: dict[Path, Tokenizer] = {}
_is_cuttable: dict[int, tuple[Tokenizer, bool]] = {}
"""By identity; the tokenizer is kept with it, or another could get its identity."""


class TooManyTokens(Exception):
    """The text has more tokens than allowed; `at_least` were counted before giving up."""

    def __init__(self, at_least: int) -> None:
        super().__init__(at_least)
        self.at_least = at_least


async def tokenizer_of(folder: Path) -> Tokenizer:
    """That model's tokenizer, read once, off the event loop. Raises OSError if the folder has no
    tokenizer.json."""
    tokenizer = _loaded.get(folder)
    if tokenizer is None:
        tokenizer = await asyncio.to_thread(_load, folder)
        _loaded[folder] = tokenizer
    return tokenizer


@dataclass(frozen=True, slots=True)
class Spelled:
    """A prompt's text and the texts of its tokens, which hold replacement characters where a
    character is split between two."""

    text: str
    tokens: tuple[str, ...]


def spell(tokenizer: Tokenizer, prompt: str | Sequence[int]) -> Spelled:
    """A text or token ids as both. Takes milliseconds for thousands of tokens."""
    if isinstance(prompt, str):
        text, ids = prompt, tokenizer.encode(prompt, add_special_tokens=False).ids
    else:
        ids = list(prompt)
        text = tokenizer.decode(ids, skip_special_tokens=False)
    tokens = tokenizer.decode_batch([[token] for token in ids], skip_special_tokens=False)
    return Spelled(text, tuple(tokens))


def forget(folder: Path) -> None:
    """That model is gone."""
    _loaded.pop(folder, None)


def special_tokens(tokenizer: Tokenizer, facts: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the special tokens that chat templates may name, by Jinja's names."""
    ids = {
        "bos_token": facts.get("bos_token_id"),
        "eos_token": next(iter(facts.get("eos_token_ids") or ()), None),
        "pad_token": facts.get("pad_token_id"),
    }
    texts = {name: tokenizer.id_to_token(token) for name, token in ids.items() if token is not None}
    return {name: text for name, text in texts.items() if text}


async def encode(tokenizer: Tokenizer, text: str, *, limit: int) -> list[int]:
    """The token ids of `text`: special tokens parsed, nothing added.

    Long texts are encoded off the event loop, on several processors; one that proves longer than
    `limit` tokens before all of it was read raises TooManyTokens.
    """
    if len(text) <= IN_THREAD_ABOVE_CHARACTERS:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids
    return await asyncio.to_thread(_encode_long, tokenizer, text, limit)


def _encode_long(tokenizer: Tokenizer, text: str, limit: int) -> list[int]:
    if not _can_be_cut(tokenizer):
        if len(text) > LONGEST_WHOLE_CHARACTERS:
            _count_slices(tokenizer, text, limit)
        return _encode_pieces(tokenizer, [text])
    ids: list[int] = []
    batch: list[str] = []
    for piece in _pieces(text):
        batch.append(piece)
        if len(batch) >= PIECES_AT_ONCE:
            ids += _encode_pieces(tokenizer, batch)
            batch = []
        if len(ids) > limit:
            raise TooManyTokens(len(ids))
    return ids + _encode_pieces(tokenizer, batch)


def _encode_pieces(tokenizer: Tokenizer, pieces: list[str]) -> list[int]:
    """The ids of the pieces, one after the other. Unlike `encode` this lets the interpreter go on
    (tokenizers 0.23)."""
    encodings = tokenizer.encode_batch_fast(pieces, add_special_tokens=False)
    return [token for encoding in encodings for token in encoding.ids]


def _pieces(text: str) -> Iterator[str]:
    """The text, cut before the space between two plain words."""
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        found = _BETWEEN_WORDS.search(text, start + PIECE_CHARACTERS)
        if found is None:
            break
        yield text[start : found.end()]
        start = found.end()
    yield text[start:]


def _can_be_cut(tokenizer: Tokenizer) -> bool:
    """Whether pieces encode to what the whole text does: no token reaches over the space between
    two words, so neither side is read differently without the other; and nothing is put before the
    beginning of a text, which trying shows."""
    key = id(tokenizer)
    if key not in _is_cuttable:
        parts = _BETWEEN_WORDS.split(_PROBE)
        is_same = _encode_pieces(tokenizer, [_PROBE]) == _encode_pieces(tokenizer, parts)
        words = tokenizer.get_vocab(with_added_tokens=True)
        is_clean = not any(map(_ACROSS_A_SPACE.search, words))
        _is_cuttable[key] = (tokenizer, is_same and is_clean)
    return _is_cuttable[key][1]


def _count_slices(tokenizer: Tokenizer, text: str, limit: int) -> None:
    """Raises TooManyTokens as soon as there are too many."""
    counted = 0
    for number, start in enumerate(range(0, len(text), PIECE_CHARACTERS), start=1):
        counted += len(_encode_pieces(tokenizer, [text[start : start + PIECE_CHARACTERS]]))
        # A cut inside a token makes at most a few tokens more of it.
        at_least = counted - 4 * number
        if at_least > limit:
            raise TooManyTokens(at_least)


def _load(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder.name} has no tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    # Some models come with both, from their training; a prompt would silently lose its end.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
