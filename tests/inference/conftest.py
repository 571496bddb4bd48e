"""The real starter model for tests that talk to engines without a server in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer


@pytest.fixture(scope="session")
def starter_folder(starter_home: Path) -> Path:
    """The installed starter's model folder."""
    return next((starter_home / "models" / "installed").iterdir())


@pytest.fixture(scope="session")
def tokenizer(starter_folder: Path) -> Tokenizer:
    """The starter's tokenizer, to make prompts of exact lengths."""
    return Tokenizer.from_file(str(starter_folder / "tokenizer.json"))


def chat_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """A user's turn as the starter's template renders it."""
    prompt = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM<|im_end|>\n"
    prompt += f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return list(tokenizer.encode(prompt, add_special_tokens=False).ids)
