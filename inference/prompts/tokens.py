"""Text to token ids, once, before a device is chosen: exact counts drive the routing.

The `tokenizers` library reads the model's own tokenizer.json (made at import where a model brings
none); it is the same for every device and needs no engine process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

IN_THREAD_ABOVE_CHARACTERS = 20_000
"""Encoding this much takes about 5 ms, the most the event loop may be held."""
SLICE_CHARACTERS = 100_000

_loaded: dict[Path, Tokenizer] = {}


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

    Long texts are encoded off the event loop; one that proves longer than `limit` tokens before all
    of it was read raises TooManyTokens.
    """
    if len(text) <= IN_THREAD_ABOVE_CHARACTERS:
        return _ids(tokenizer, text)
    return await asyncio.to_thread(_encode_long, tokenizer, text, limit)


def _encode_long(tokenizer: Tokenizer, text: str, limit: int) -> list[int]:
    """Counting slice by slice first keeps a prompt of megabytes from costing gigabytes."""
    counted = 0
    for number, start in enumerate(range(0, len(text), SLICE_CHARACTERS), start=1):
        if len(text) <= SLICE_CHARACTERS:
            break
        counted += len(_ids(tokenizer, text[start : start + SLICE_CHARACTERS]))
        # A cut inside a token makes at most a few tokens more of it.
        at_least = counted - 4 * number
        if at_least > limit:
            raise TooManyTokens(at_least)
    return _ids(tokenizer, text)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _load(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder.name} has no tokenizer.json")
    return Tokenizer.from_file(str(path))
