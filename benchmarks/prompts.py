"""Random prompts of an exact length in tokens, so that no prefix cache helps anybody.

Words that are one token each are joined; the text then has as many tokens as words, whoever reads
it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

_WORD = re.compile(r"[a-z]{3,8}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """The same prompt as text and as token ids."""

    text: str
    ids: tuple[int, ...]


class PromptMaker:
    """Prompts for the model in `folder` (its tokenizer.json). The same seed gives the same."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._random = random.Random(seed)
        self._words = self._one_token_words()

    def make(self, tokens: int) -> Prompt:
        """A prompt of exactly that many tokens."""
        for _ in range(20):
            text = "".join(self._random.choices(self._words, k=tokens))
            ids = self._tokenizer.encode(text, add_special_tokens=False).ids
            if len(ids) == tokens:
                return Prompt(text, tuple(ids))
        raise RuntimeError(f"no prompt of exactly {tokens} tokens could be made")

    def make_many(self, count: int, tokens: int) -> list[Prompt]:
        """`count` different prompts."""
        return [self.make(tokens) for _ in range(count)]

    def _one_token_words(self) -> list[str]:
        vocabulary = sorted(self._tokenizer.get_vocab().values())
        texts = self._tokenizer.decode_batch([[token] for token in vocabulary])
        words = [text for text in texts if text.startswith(" ") and _WORD.fullmatch(text[1:])]
        encoded = self._tokenizer.encode_batch(words, add_special_tokens=False)
        return [word for word, found in zip(words, encoded, strict=True) if len(found.ids) == 1]
