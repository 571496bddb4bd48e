"""Models from this machine's disk: which places may be named, and what is taken from them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.facts import read_facts
from inference.catalog.sources.local import LocalSource, find_path, looks_like_path, name_of
from inference.catalog.stopping import Stop
from inference.errors import InvalidRequest


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """An import folder with a model in it, and a secret beside it."""
    folder = tmp_path / "import"
    (folder / "model").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    return folder


def make_model(folder: Path) -> None:
    names = ("openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml")
    for name in (*names, "openvino_detokenizer.xml", "notes.exe"):
        (folder / name).write_text(name)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49152,
        "tie_word_embeddings": True,
        "max_position_embeddings": 8192,
        "eos_token_id": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("file:model", True),
        ("/abs/model", True),
        ("C:\\models\\x", True),
        ("c:/models/x", True),
        ("\\\\server\\share", True),
        ("model", False),
        ("me/model:tag", False),
        ("a:b", False),
        ("hf.co/x/y", False),
    ],
)
def test_names_and_places_are_told_apart(text: str, is_path: bool) -> None:
    assert looks_like_path(text) is is_path


def test_what_lies_in_the_import_folder_may_be_named_by_anybody(drop: Path) -> None:
    assert find_path("file:model", drop, anywhere=False) == (drop / "model").resolve()
    assert find_path(str(drop / "model"), drop, anywhere=False) == (drop / "model").resolve()


@pytest.mark.parametrize(
    "text",
    [
        "file:../secret",
        "file:model/../../secret",
        "file:.",
        "file:absent",
        "{outside}",
        "file:{outside}",
    ],
)
def test_no_other_place_may_be_named_by_a_stranger(drop: Path, text: str) -> None:
    with pytest.raises(UnknownModel):
        find_path(text.format(outside=drop.parent / "secret"), drop, anywhere=False)


@pytest.mark.parametrize("text", ["{outside}", "file:{outside}", "file://{outside}"])
def test_the_owner_may_name_any_absolute_place(drop: Path, text: str) -> None:
    secret = drop.parent / "secret"
    assert find_path(text.format(outside=secret), drop, anywhere=True) == secret.resolve()


def test_a_relative_way_out_is_closed_for_the_owner_too(drop: Path) -> None:
    with pytest.raises(UnknownModel):
        find_path("file:../secret", drop, anywhere=True)


def test_a_link_in_the_import_folder_is_not_followed(drop: Path) -> None:
    try:
        (drop / "link").symlink_to(drop.parent / "secret")
        (drop / "alias").symlink_to(drop / "model")
    except OSError:
        pytest.skip("this system does not let us make links")
    for text in ("file:link", "file:alias"):
        with pytest.raises(UnknownModel):
            find_path(text, drop, anywhere=False)


@pytest.mark.parametrize("text", ["file:", "file:a\0b"])
def test_what_is_no_place_is_an_invalid_name(drop: Path, text: str) -> None:
    with pytest.raises(InvalidRequest):
        find_path(text, drop, anywhere=True)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("Phi-3.5 mini (int4)", "phi-3.5-mini-int4:latest"),
        ("SmolLM2-135M.Q4_1.gguf", "smollm2-135m.q4_1:latest"),
        ("x" * 100, "x" * 80 + ":latest"),
    ],
)
def test_a_place_gives_the_model_its_name(place: str, name: str) -> None:
    assert name_of(Path(place)).display == name


def test_only_regular_model_files_are_taken(drop: Path) -> None:
    folder = drop / "model"
    make_model(folder)
    (drop.parent / "secret" / "id.json").write_text("secret")
    with contextlib.suppress(OSError):  # a system that does not let us make links
        (folder / "stolen.json").symlink_to(drop.parent / "secret" / "id.json")
    names = {file.name for file in LocalSource(folder).list_files(Stop())}
    assert "openvino_model.bin" in names
    assert not names & {"stolen.json", "notes.exe"}


def test_a_folder_that_is_no_model_is_refused_with_what_is_missing(drop: Path) -> None:
    with pytest.raises(PullFailed, match=r"openvino_model\.xml") as caught:
        LocalSource(drop / "model").list_files(Stop())
    assert not caught.value.retry


def test_a_foreign_folder_is_described_by_its_config(drop: Path) -> None:
    make_model(drop / "model")
    (drop / "model" / "openvino_model.xml").write_text(
        "x" * 100_000 + '<group_size value="128" />\n<mode value="int4_sym" />'
    )
    facts = read_facts(drop / "model")
    assert facts["parameter_count"] == 134_515_008
    assert facts["weight_format"] == "int4_sym-g128"
    assert (facts["context_length"], facts["eos_token_ids"]) == (8192, [2])


def test_a_model_of_another_kind_is_refused(drop: Path) -> None:
    make_model(drop / "model")
    (drop / "model" / "config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(PullFailed, match="BertModel cannot be served"):
        read_facts(drop / "model")


@pytest.mark.parametrize(
    ("file", "config", "words"),
    [
        ("openvino_language_model.xml", {}, "vision-language model, which cannot be served yet"),
        ("openvino_encoder_model.xml", {}, "speech or translation model, which cannot be served"),
        (
            "x.bin",
            {"architectures": ["LlavaForConditionalGeneration"], "vision_config": {}},
            "Llava",
        ),
        ("x.bin", {"architectures": ["WhisperForConditionalGeneration"]}, "is a speech model"),
        ("x.bin", {"architectures": ["XLMRobertaForSequenceClassification"]}, "is a reranker"),
    ],
)
def test_a_folder_of_another_kind_is_refused_by_its_kind_before_it_is_copied(
    drop: Path, file: str, config: dict[str, object], words: str
) -> None:
    folder = drop / "other"
    folder.mkdir()
    (folder / file).write_text("x")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(PullFailed, match=words) as caught:
        LocalSource(folder).list_files(Stop())
    assert not caught.value.retry
