"""The two tokenizers of an exported folder, as `tokenizer_check` compares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from openvino_genai import Tokenizer as Pipelines
from tokenizers import Tokenizer


class Converted:
    """What the engines have: OpenVINO's own tokenizer and detokenizer in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Pipelines(str(folder))

    def encode(self, text: str, *, is_special: bool) -> Sequence[int]:
        """The ids of `text`."""
        encoded = self._tokenizer.encode(text, add_special_tokens=is_special)
        return [int(token) for token in encoded.input_ids.data[0]]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens included."""
        if not ids:
            return ""
        tensor = ov.Tensor(np.array([list(ids)], np.int64))
        return str(self._tokenizer.decode(tensor, skip_special_tokens=False)[0])


class Reference:
    """What the server counts with: tokenizer.json in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def encode(self, text: str, *, is_special: bool) -> Sequence[int]:
        """The ids of `text`."""
        return list(self._tokenizer.encode(text, add_special_tokens=is_special).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens included."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    @property
    def special_tokens(self) -> list[str]:
        """The special tokens, in the order of their ids."""
        added = self._tokenizer.get_added_tokens_decoder()
        return [token.content for _, token in sorted(added.items()) if token.special]
