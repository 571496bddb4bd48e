"""Texts to the ids that an encoder reads, cut to its length, special tokens around them.

Ids are counted before they are cut, because `truncate: false` wants the long ones refused. Nothing
here holds the event loop for more than about a millisecond: the tokenizer's batch call releases the
interpreter lock, its call for one text does not (tokenizers 0.23).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from inference.errors import InvalidRequest

AT_ONCE_CHARACTERS = 4_000
"""So much text takes about a millisecond, which is not worth a thread."""
CHARACTERS_PER_TOKEN = 16
"""More than any language needs on average; where a text needs more, more of it is read."""

Ids = tuple[int, ...]

_LAST_GAP = re.compile(r"\s\S*\Z")


@dataclass(frozen=True, slots=True)
class Shape:
    """What an encoder takes: at most `longest` ids, each below `vocabulary`, framed by the special
    ones. From its facts.json."""

    longest: int
    vocabulary: int
    prefix: Ids
    suffix: Ids

    @classmethod
    def of(cls, facts: Mapping[str, Any], longest: int) -> Shape:
        """The shape of the model with these facts, for texts of at most `longest` tokens."""
        return cls(
            longest,
            int(facts.get("vocab_size") or 0),
            tuple(facts.get("prefix_ids") or ()),
            tuple(facts.get("suffix_ids") or ()),
        )

    @property
    def room(self) -> int:
        """Tokens of a text between the special ones."""
        return self.longest - len(self.prefix) - len(self.suffix)


async def encode_inputs(
    tokenizer: Tokenizer,
    inputs: Sequence[str | Ids],
    shape: Shape,
    *,
    truncate: bool,
) -> list[Ids]:
    """The ids of every input, in order.

    Raises InvalidRequest for an input over the length when `truncate` is false, and for a number
    that is no token of the model.
    """
    characters = sum(len(text) for text in inputs if isinstance(text, str))
    if characters <= AT_ONCE_CHARACTERS:
        bodies = _bodies(tokenizer, inputs, shape)
    else:
        bodies = await asyncio.to_thread(_bodies, tokenizer, inputs, shape)
    if not truncate and any(len(body) > shape.room for body in bodies):
        raise InvalidRequest("the input length exceeds the context length", field="input")
    return [(*shape.prefix, *body[: shape.room], *shape.suffix) for body in bodies]


def _bodies(tokenizer: Tokenizer, inputs: Sequence[str | Ids], shape: Shape) -> list[Sequence[int]]:
    """The ids of every input without special tokens; of a long one more than there is room for."""
    found: dict[int, Sequence[int]] = {
        place: _own_ids(item, shape)
        for place, item in enumerate(inputs)
        if not isinstance(item, str)
    }
    unread = {place: item for place, item in enumerate(inputs) if isinstance(item, str)}
    characters = CHARACTERS_PER_TOKEN * shape.room
    while unread:
        beginnings = {place: beginning_of(text, characters) for place, text in unread.items()}
        encodings = tokenizer.encode_batch_fast(list(beginnings.values()), add_special_tokens=False)
        for (place, beginning), encoding in zip(beginnings.items(), encodings, strict=True):
            if len(encoding.ids) > shape.room or len(beginning) == len(unread[place]):
                found[place] = encoding.ids
                del unread[place]
        characters *= 4
    return [found[place] for place in range(len(inputs))]


def beginning_of(text: str, characters: int) -> str:
    """The first `characters` of a text or more, up to a gap between words, so that its tokens are
    the first of the whole text's; all of it where there is no gap."""
    if len(text) <= characters:
        return text
    gap = _LAST_GAP.search(text, 0, characters)
    return text[: gap.start()] if gap and gap.start() else text


def _own_ids(ids: Ids, shape: Shape) -> Ids:
    """Ids as a client sent them, without the special ones that it may have put around them."""
    if any(not 0 <= token < shape.vocabulary for token in ids):
        raise InvalidRequest(
            f"input holds a number that is no token of this model: it has {shape.vocabulary}",
            field="input",
        )
    if ids[: len(shape.prefix)] == shape.prefix:
        ids = ids[len(shape.prefix) :]
    if shape.suffix and ids[-len(shape.suffix) :] == shape.suffix:
        ids = ids[: -len(shape.suffix)]
    return ids
