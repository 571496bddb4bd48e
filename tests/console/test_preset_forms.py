"""The presets editor's form, there and back, as tables of cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.requests import Message
from npuconsole.console.models.preset_forms import fields_of, read_presets, stops_of
from npuconsole.console.pages import Refusal
from tests.console.facts import a_model


def test_a_form_becomes_presets_with_numbers_as_numbers() -> None:
    presets = read_presets(
        {
            "system": "Be brief.\r\nBe kind.",
            "template": "",
            "parameters": {"temperature": " 0.2 ", "top_k": "40", "min_p": "", "stop": "a\n\nb\n"},
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Ho"},
                {"role": "user", "content": "  "},
            ],
        },
        {},
    )
    assert presets.system == "Be brief.\nBe kind."
    assert presets.template == ""
    assert presets.parameters == {"temperature": 0.2, "top_k": 40, "stop": ["a", "b"]}
    assert presets.messages == (Message("user", "Hi"), Message("assistant", "Ho"))


def test_what_the_form_has_no_field_for_stays_and_what_was_emptied_goes() -> None:
    before = {"ignore_eos": True, "temperature": 0.7, "max_tokens": 9, "stop": ["x"]}
    assert read_presets({"parameters": {"temperature": ""}}, before).parameters == {
        "ignore_eos": True
    }


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"parameters": {"temperature": "hot"}}, "temperature", "must be a number, not hot"),
        ({"parameters": {"temperature": "nan"}}, "temperature", "must be a number from 0 to 100"),
        ({"parameters": {"top_p": "1.5"}}, "top_p", "from 0 to 1"),
        ({"parameters": {"top_k": "4.5"}}, "top_k", "a whole number"),
        ({"parameters": {"num_predict": "0"}}, "num_predict", "from -1"),
        ({"parameters": {"repeat_penalty": "0"}}, "repeat_penalty", "Repeat penalty"),
        ({"parameters": {"mirostat": "1"}}, "parameters", "no parameter mirostat"),
        ({"parameters": {"stop": "x\n" + "y" * 5000}}, "stop", "stop texts"),
        ({"template": "{% for %}"}, "template", "not valid"),
        ({"template": "x" * 300_000}, "template", "at most 262,144"),
        ({"system": 5}, "system", "must be a text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages", "the system, the user"),
        ({"messages": [{}] * 101}, "messages", "At most 100"),
    ],
)
def test_a_form_that_cannot_be_used_says_which_field_and_why(
    body: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Refusal) as caught:
        read_presets(body, {})
    assert caught.value.field == field
    assert words in caught.value.message


def test_a_models_row_fills_the_fields_whatever_its_parameters_are_called() -> None:
    model = replace(
        a_model(), parameters={"max_tokens": 80, "temperature": 0.25, "stop": ["a", "b"]}
    )
    filled = {field.parameter.name: field.value for field in fields_of(model) if field.value}
    assert filled == {"num_predict": "80", "temperature": "0.25"}
    assert stops_of(model) == "a\nb"
