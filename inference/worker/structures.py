"""A grammar as it travels on the link, as the engine's own object."""

from __future__ import annotations

import openvino_genai as genai

_FIELDS = {
    "json_schema": "json_schema",
    "regex": "regex",
    "ebnf": "grammar",
    # Text there is taken for XGrammar's own JSON of a structural tag (OpenVINO GenAI 2026.4).
    "structure": "compound_grammar",
}


def structure_of(kind: str, text: str) -> genai.StructuredOutputConfig:
    """The engine's configuration for a grammar of that kind (`Grammar.kind`). Whether the text is
    good shows only when it is compiled (`grammar.py`)."""
    config = genai.StructuredOutputConfig()
    setattr(config, _FIELDS[kind], text)
    return config
