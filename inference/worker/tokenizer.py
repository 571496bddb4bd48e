"""The model's tokenizer inside the engine process: what turns new ids into text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import openvino_genai as genai

from inference.worker.detokenizer import IncrementalText, choose_decoder


class EngineTokenizer:
    """Loads the folder's OpenVINO tokenizer. `native` is shared by every pipeline of the worker, so
    that they share the grammar cache inside it."""

    def __init__(self, folder: str) -> None:
        self.native = genai.Tokenizer(folder)
        self._new_text = choose_decoder(
            self.native.get_vocab(), _special_ids(folder), self._encode, self._decode
        )

    def new_text(self) -> IncrementalText:
        """A decoder for one more generation."""
        return self._new_text()

    def _encode(self, text: str) -> Sequence[int]:
        ids: Sequence[int] = self.native.encode(text, add_special_tokens=False).input_ids.data[0]
        return [int(token) for token in ids]

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self.native.decode(list(ids))) if ids else ""


def _special_ids(folder: str) -> list[int]:
    path = Path(folder, "tokenizer.json")
    if not path.exists():
        return []
    added = json.loads(path.read_text(encoding="utf-8")).get("added_tokens", [])
    return [token["id"] for token in added if token.get("special")]
