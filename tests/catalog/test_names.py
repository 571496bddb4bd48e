"""Ollama's name grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.catalog.names import ModelName, parse_name, same_model
from inference.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("llama3.2", "llama3.2:latest"),
        ("llama3.2:3b", "llama3.2:3b"),
        ("smollm2:135m", "smollm2:135m"),
        ("library/mistral", "mistral:latest"),
        ("registry.ollama.ai/library/mistral:7b", "mistral:7b"),
        ("Registry.Ollama.AI/Library/mistral:7b", "mistral:7b"),
        ("me/mine", "me/mine:latest"),
        ("registry.ollama.ai/me/mine:v1", "me/mine:v1"),
        ("hf.co/org/repo:Q4_K_M", "hf.co/org/repo:Q4_K_M"),
        ("hf.co/library/repo", "hf.co/library/repo:latest"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("https://example.com/a/b:c", "example.com/a/b:c"),
        ("_x:_y", "_x:_y"),
        ("a.b-c_d:e.f-g", "a.b-c_d:e.f-g"),
        ("a" * 80 + ":" + "b" * 80, "a" * 80 + ":" + "b" * 80),
    ],
)
def test_a_name_is_shown_without_defaults_and_with_its_tag(text: str, display: str) -> None:
    assert parse_name(text).display == display


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        ":b",
        "/",
        "a/",
        "/a",
        "a//b",
        "a/b/",
        "-a",
        ".a",
        "a b",
        "a:b c",
        "a:-b",
        "ä",
        "a\n",
        "a\0",
        "a:b:c",
        "x/y/z/w:t",
        "name.space/model/with.dot:t!",
        "na.me/space.d/x",
        "../../etc/passwd",
        "a@sha256:00",
        "a" * 81,
        "a:" + "b" * 81,
        "h" * 351 + "/n/m",
        "h" * 340 + "/n/m",  # in the grammar, but longer than the catalogue can hold
    ],
)
def test_what_is_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="^invalid model name$") as caught:
        parse_name(text)
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("mistral", "mistral:latest", True),
        ("Mistral:LATEST", "mistral", True),
        ("library/mistral", "mistral", True),
        ("me/mistral", "mistral", False),
        ("mistral:7b", "mistral", False),
        ("not a name", "not a name", False),
    ],
)
def test_names_are_compared_by_what_they_mean(first: str, second: str, same: bool) -> None:
    assert same_model(first, second) is same


letters = "abcXYZ019_"
parts = st.text(letters + ".-", max_size=20).flatmap(
    lambda rest: st.sampled_from(letters).map(lambda first: first + rest)
)
namespaces = parts.map(lambda part: part.replace(".", "-"))


@given(host=parts, namespace=namespaces, model=parts, tag=parts)
def test_a_displayed_name_means_the_same_model(
    host: str, namespace: str, model: str, tag: str
) -> None:
    name = ModelName(host, namespace, model, tag)
    assert parse_name(name.display).key == name.key
    assert parse_name(f"{host}/{namespace}/{model}:{tag}") == name
    assert same_model(name.display.upper(), name)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = parse_name(text)
    except InvalidRequest:
        return
    assert parse_name(name.display).key == name.key
    assert name.display.isascii()
