"""What the picture knows of a model: from its row, its presets and the files beside its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference import environment
from inference.model_info import model_info
from inference.models import Model, ModelVariant
from inference.requests import Message, Sampling
from inference.snapshot import ModelInfo

THINKING = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n"
CHATML = "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}"
FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")


def info(
    *, file: str = "", special: tuple[str, ...] = (), name: str = "m:latest", **row: Any
) -> ModelInfo:
    """A model with that row, whose folder has that chat template and those special tokens."""
    folder = environment.models_folder() / "installed" / "m"
    folder.mkdir(parents=True, exist_ok=True)
    if file:
        (folder / "chat_template.jinja").write_text(file, encoding="utf-8")
    tokens = {"added_tokens": [{"content": token} for token in special]}
    (folder / "tokenizer.json").write_text(json.dumps(tokens), encoding="utf-8")
    model = Model(
        name=name, status="ready", family="llama", digest="0" * 64, capabilities=["completion"]
    )
    for field, value in row.items():
        setattr(model, field, value)
    model.save()
    ModelVariant.objects.create(model=model, folder="installed/m", weight_format="int8")
    return model_info(model)


@pytest.fixture(autouse=True)
def empty_folder(rows: None, tmp_path: Path, environment_variable: Any) -> None:
    environment_variable("NPU_PROXY_MODEL_PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "capabilities"),
    [
        ({}, ("completion",)),
        ({"file": CHATML}, ("completion", "tools")),
        ({"file": THINKING}, ("completion", "tools", "thinking")),
        (
            {"file": CHATML, "special": FIM, "name": "qwen2.5-coder:1.5b"},
            ("completion", "tools", "insert"),
        ),
        ({"file": CHATML, "special": FIM}, ("completion", "tools")),
        (
            {"special": FIM, "name": "gpt-4o:latest", "parent": "qwen2.5-coder:1.5b"},
            ("completion", "insert"),
        ),
        ({"name": "qwen2.5-coder:1.5b"}, ("completion",)),
        (
            {"template": "{{ if .Suffix }}<P>{{ .Suffix }}{{ end }}{{ .Prompt }}"},
            ("completion", "tools", "insert"),
        ),
        ({"file": THINKING, "template": CHATML}, ("completion", "tools")),
        (
            {"file": CHATML, "capabilities": ["completion", "vision"]},
            ("completion", "tools", "vision"),
        ),
        ({"file": CHATML, "capabilities": ["embedding"]}, ("embedding",)),
    ],
)
def test_template_and_tokenizer_tell_what_a_model_can_do(
    given: dict[str, Any], capabilities: tuple[str, ...]
) -> None:
    assert info(**given).capabilities == capabilities


def test_presets_of_a_row_are_what_requests_get() -> None:
    found = info(
        system="S",
        parameters={"temperature": 0.1, "num_ctx": 512, "odd": [1]},
        messages=[{"role": "user", "content": "1"}, {"role": "alien", "content": "2"}, 3],
        parent="base:latest",
    )

    assert (found.system, found.parent, found.num_ctx) == ("S", "base:latest", 512)
    assert found.preset == Sampling(temperature=0.1)
    assert found.messages == (Message("user", "1"),)
    assert dict(found.parameters) == {"temperature": 0.1, "num_ctx": 512, "odd": [1]}


def test_a_go_template_is_kept_as_written_and_used_as_jinja() -> None:
    found = info(file=CHATML, template="{{ .Prompt }}")

    assert found.shown_template == "{{ .Prompt }}"
    assert found.has_preset_template
    assert "{% macro" in found.chat_template


def test_a_template_that_cannot_be_used_leaves_the_models_own() -> None:
    found = info(file=CHATML, template="{{ .Nope }}")

    assert found.chat_template == found.shown_template == CHATML
    assert not found.has_preset_template
