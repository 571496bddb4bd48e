"""The model's tokenizer inside the engine process: what turns new ids into text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import openvino_genai as genai

from inference.worker.detokenizer import IncrementalText, choose_decoder
from inference.worker.markers import MarkedText, marks_among

SPACE_MARK = "▁".encode()
"""How SentencePiece vocabularies write a space."""


class EngineTokenizer:
    """Loads the folder's OpenVINO tokenizer. `native` is shared by every pipeline of the worker, so
    that they share the grammar cache inside it. `markup` are texts of special tokens that are to
    show in answers."""

    def __init__(self, folder: str, markup: Iterable[str] = ()) -> None:
        self.native = genai.Tokenizer(folder)
        special = _special_tokens(folder)
        vocabulary = self.native.get_vocab()
        self._bytes: dict[int, bytes] = {token: piece for piece, token in vocabulary.items()}
        self._bytes |= {token: text.encode() for token, text in special.items()}
        self._new_text = choose_decoder(vocabulary, special, self._encode, self._decode)
        self._marks = marks_among(markup, special)

    def new_text(self) -> IncrementalText:
        """A decoder for one more generation."""
        if self._marks:
            return MarkedText(self._new_text, self._marks)
        return self._new_text()

    def bytes_of(self, token: int) -> bytes:
        """What that token spells."""
        return self._bytes.get(token, b"").replace(SPACE_MARK, b" ")

    def _encode(self, text: str) -> Sequence[int]:
        ids: Sequence[int] = self.native.encode(text, add_special_tokens=False).input_ids.data[0]
        return [int(token) for token in ids]

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self.native.decode(list(ids))) if ids else ""


def _special_tokens(folder: str) -> dict[int, str]:
    path = Path(folder, "tokenizer.json")
    if not path.exists():
        return {}
    added = json.loads(path.read_text(encoding="utf-8")).get("added_tokens", [])
    return {token["id"]: token["content"] for token in added if token.get("special")}
