"""The encoder's tokenizer.json, made to give plain ids, and what the server must know of it.

Published files carry the truncation and padding of some training run; both are the server's
business here, which counts before it cuts. The ids go to the engine as they are: OpenVINO's own
WordPiece gives other ids for some alphabets (docs/embeddings.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from inference.catalog.encoders.errors import CorruptFile

_WORD = "a"


@dataclass(frozen=True, slots=True)
class Frame:
    """The special tokens that every text gets in front and behind."""

    prefix_ids: tuple[int, ...]
    suffix_ids: tuple[int, ...]


def write_tokenizer(source: Path, target: Path, vocabulary: int) -> Frame:
    """Write the tokenizer of `source` to `target` without truncation and padding.

    Raises CorruptFile when it cannot be read, or has ids that the network does not know.
    """
    try:
        tokenizer = Tokenizer.from_file(str(source))
    except Exception as error:  # the library's own class of errors is no more than this
        raise CorruptFile("The file tokenizer.json of the model cannot be read.") from error
    if max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) >= vocabulary:
        raise CorruptFile("The tokenizer contradicts the model's description.")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(target), pretty=False)
    return _frame(tokenizer)


def _frame(tokenizer: Tokenizer) -> Frame:
    plain = tokenizer.encode(_WORD, add_special_tokens=False).ids
    framed = tokenizer.encode(_WORD).ids
    for start in range(len(framed) - len(plain) + 1):
        if framed[start : start + len(plain)] == plain:
            return Frame(tuple(framed[:start]), tuple(framed[start + len(plain) :]))
    raise CorruptFile("The tokenizer's special tokens make no sense.")
