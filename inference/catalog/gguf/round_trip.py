"""Holds a freshly written tokenizer against sample texts, before its model is published.

A tokenizer that gives a text back changed, or whose two forms disagree, makes a model that answers
nearly right; nobody would look for the cause there.
"""

from pathlib import Path
from typing import Final

import openvino_genai
from tokenizers import Tokenizer

from inference.catalog.gguf.errors import UnsupportedModel

SAMPLES: Final = (
    "Hello world, it's 12345.67 o'clock — isn't it?",
    "def f(x):\n\tif x  >=  2:\n\n        return {'a': [x ** 2, \"b\"]}  # <done>",
    "Voilà, naïve Ångström: Größe, žluťoučký kůň, Ελληνικά, Русский",
    "日本語のテスト、中文测试。한국어 עברית العربية हिन्दी ไทย",
    "🙂👩‍👩‍👧🇩🇪 ½ № ² ∑ ≠",
)


def refuse_changed_texts(folder: Path) -> None:
    """Raise UnsupportedModel unless both tokenizers in `folder` give every sample back, by the
    same ids."""
    server = Tokenizer.from_file(str(folder / "tokenizer.json"))
    engine = openvino_genai.Tokenizer(str(folder))
    for text in SAMPLES:
        ids = server.encode(text, add_special_tokens=False).ids
        theirs = engine.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
        if ids != theirs:
            raise UnsupportedModel("This model's tokenizer cannot be converted without changes.")
        if text != server.decode(ids, skip_special_tokens=False) or text != engine.decode(
            ids, skip_special_tokens=False
        ):
            raise UnsupportedModel("This model's tokenizer does not give texts back as they were.")
