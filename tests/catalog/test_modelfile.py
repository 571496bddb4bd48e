"""What a Modelfile says, and that what is wrong in it is named with its line."""

from __future__ import annotations

from typing import Any

import pytest

from inference.catalog.modelfile import parse_modelfile
from inference.errors import InvalidRequest

WHOLE = '''# a pirate
FROM smollm2:135m
system """You are a pirate.
  Say "arr"."""

PARAMETER temperature 0.7
PARAMETER num_ctx 4096
PARAMETER stop "<|end|>"
PARAMETER stop "a\\nb"
TEMPLATE """{{ .Prompt }}"""
MESSAGE user Hello
MESSAGE assistant """Arr!
Ahoy."""
LICENSE MIT
'''


def test_every_instruction_becomes_a_field() -> None:
    made = parse_modelfile(WHOLE)
    assert made.source == "smollm2:135m"
    assert not made.names_a_file
    assert made.body == {
        "system": 'You are a pirate.\n  Say "arr".',
        "parameters": {"temperature": 0.7, "num_ctx": 4096, "stop": ["<|end|>", "a\nb"]},
        "template": "{{ .Prompt }}",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Arr!\nAhoy."},
        ],
        "license": ["MIT"],
    }


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("FROM a\r\nSYSTEM one\r\n", {"system": "one"}),
        ('FROM a\nSYSTEM """"quoted" at both "ends""""', {"system": '"quoted" at both "ends"'}),
        ('FROM a\nSYSTEM """\nfirst\n\n# no comment\n"""', {"system": "\nfirst\n\n# no comment\n"}),
        ('FROM a\nSYSTEM """"""', {"system": ""}),
        ("FROM a\nSYSTEM a \u2028b", {"system": "a \u2028b"}),
        ("FROM a\nPARAMETER penalize_newline true", {"parameters": {"penalize_newline": True}}),
        ("FROM a\nPARAMETER stop true", {"parameters": {"stop": ["true"]}}),
    ],
)
def test_forms_of_texts(text: str, body: dict[str, Any]) -> None:
    assert parse_modelfile(text).body == body


@pytest.mark.parametrize(
    ("source", "is_file"),
    [
        ("smollm2:135m", False),
        ("hf.co/org/repo:Q4_K_M", False),
        ("./model.gguf", True),
        ("/models/phi", True),
        ("C:\\models\\phi", True),
        ("model.GGUF", True),
    ],
)
def test_a_file_is_told_from_a_model(source: str, is_file: bool) -> None:
    assert parse_modelfile(f"FROM {source}").names_a_file is is_file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SYSTEM x", "no FROM line"),
        ("FROM a\n\nFROM b", "line 3: there is a second FROM"),
        ("FROM", "line 1: FROM says nothing"),
        ("FROM a\nADAPTER ./lora", "line 2: ADAPTER: adapters are not supported"),
        ("FROM a\nFRUM b", "line 2: FRUM is no instruction"),
        ("FROM a\nPARAMETER temperature", "line 2: PARAMETER needs a name and a value"),
        ("FROM a\nPARAMETER temperature hot", "line 2: PARAMETER temperature: 'hot' is no number"),
        ("FROM a\nMESSAGE pirate arr", "line 2: MESSAGE: 'pirate' is no role"),
        ("FROM a\nMESSAGE user", "line 2: MESSAGE needs a role and a text"),
        ('FROM a\nSYSTEM """b\nc', 'line 2: the """ of SYSTEM has no end'),
        ('FROM a\nSYSTEM """b\nc""" d', 'line 3: something stands behind the closing """'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_modelfile(text)
    assert words in caught.value.message
