"""Whether a converted tokenizer is the one it was made from. Pure: tokenizers are given.

Exact token ids choose devices and continue answers on other engines, and the text of an answer is
what its reader sees; conversions are known to lose a pre-tokenizer, white space or what lies beyond
the first plane of Unicode. So ids are compared one by one, and texts must come back as they were.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Ids(Protocol):
    """Text to ids, and back. `is_special`: with what the tokenizer puts around a text by itself."""

    def encode(self, text: str, *, is_special: bool) -> Sequence[int]:
        """The ids of `text`."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens included."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A text for which the converted tokenizer is wrong, and how."""

    text: str
    words: str


def differences(
    converted: Ids, reference: Ids, samples: Iterable[str], special_tokens: Iterable[str]
) -> list[Difference]:
    """Where `converted` does not do what `reference` does, or does not give a text back.

    `special_tokens` are compared by their ids alone, between words: what surrounds them may belong
    to them. A text that the model's own tokenizer normalises (NFKC, white space) may come back
    normalised, but nothing of it may be lost.
    """
    found = []
    for text in samples:
        for is_special in (False, True):
            wanted = list(reference.encode(text, is_special=is_special))
            ids = list(converted.encode(text, is_special=is_special))
            if ids != wanted:
                found.append(Difference(text, _ids_differ(ids, wanted)))
                break
        else:
            if problem := _lost(text, converted, reference):
                found.append(Difference(text, problem))
    for token in special_tokens:
        text = f"before {token} after"
        wanted = list(reference.encode(text, is_special=False))
        ids = list(converted.encode(text, is_special=False))
        if ids != wanted:
            found.append(Difference(text, _ids_differ(ids, wanted)))
    return found


def refusal(found: Sequence[Difference]) -> str:
    """One sentence for the person who wanted the model, "" if nothing was found."""
    if not found:
        return ""
    first = found[0]
    return (
        f"The converted tokenizer is not the model's: {first.words} for {first.text[:40]!r}"
        + (f", and {len(found) - 1} more texts are wrong" if len(found) > 1 else "")
        + ". A model with a wrong tokenizer answers badly without an error, so it is not installed."
    )


def _lost(text: str, converted: Ids, reference: Ids) -> str:
    ids = reference.encode(text, is_special=False)
    decoded = converted.decode(ids)
    if decoded == text:
        return ""
    if decoded != reference.decode(ids):
        return "another text comes back"
    return "" if _squeezed(decoded) == _squeezed(text) else "the text does not come back"


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _ids_differ(ids: Sequence[int], wanted: Sequence[int]) -> str:
    for place, (one, other) in enumerate(zip(ids, wanted, strict=False)):
        if one != other:
            return f"token {place + 1} is {one} instead of {other}"
    return f"{len(ids)} tokens instead of {len(wanted)}"
