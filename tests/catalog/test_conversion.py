"""Conversions: whether a converted tokenizer is the model's own, and what is refused beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from inference.catalog import extras
from inference.catalog.conversion.order import order
from inference.catalog.conversion.samples import SAMPLES
from inference.catalog.conversion.source_files import refuse_unfit
from inference.catalog.conversion.tokenizer_check import Difference, differences, refusal
from inference.catalog.conversion.tokenizers_of import Converted, Reference
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.extras import ExtraMissing
from inference.catalog.import_child import ImportRefused
from inference.catalog.importers import run_importer
from inference.catalog.names import parse_name
from inference.catalog.sources.local import LocalSource
from inference.catalog.stopping import Stop
from inference.errors import InvalidRequest


@pytest.fixture(scope="module")
def starter_folder(starter_home: Path) -> Path:
    """The installed starter, which has both tokenizers."""
    (folder,) = (starter_home / "models" / "installed").iterdir()
    return folder


@pytest.fixture(scope="module")
def reference(starter_folder: Path) -> Reference:
    """The starter's tokenizer.json."""
    return Reference(starter_folder)


class Fake:
    """A tokenizer that is wrong in one way: a conversion as bad as that cannot be made on order."""

    def __init__(self, right: Reference, fault: str) -> None:
        self._right, self._fault = right, fault

    def encode(self, text: str, *, is_special: bool) -> Sequence[int]:
        if self._fault == "collapses spaces":
            text = " ".join(text.split(" "))
            text = text.replace("  ", " ")
        ids = list(self._right.encode(text, is_special=is_special))
        if self._fault == "cuts specials" and any(i < 17 for i in ids):
            return [i for i in ids if i >= 17]
        return [0, *ids] if self._fault == "begins twice" and is_special else ids

    def decode(self, ids: Sequence[int]) -> str:
        text = self._right.decode(ids)
        if self._fault == "loses emoji":
            return "".join(letter for letter in text if ord(letter) < 0x10000)
        return text.lower() if self._fault == "lowers" else text


def test_the_starters_converted_tokenizer_is_its_own(
    starter_folder: Path, reference: Reference
) -> None:
    found = differences(Converted(starter_folder), reference, SAMPLES, reference.special_tokens)

    assert found == []
    assert refusal(found) == ""
    assert "<|im_start|>" in reference.special_tokens


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("collapses spaces", "instead of"),
        ("loses emoji", "another text comes back"),
        ("lowers", "another text comes back"),
        ("begins twice", "instead of"),
        ("cuts specials", "instead of"),
    ],
)
def test_each_way_to_lose_something_is_found(reference: Reference, fault: str, words: str) -> None:
    found = differences(Fake(reference, fault), reference, SAMPLES, reference.special_tokens)

    assert found
    assert words in found[0].words
    assert "is not installed" in refusal(found)


def test_a_tokenizer_that_loses_text_by_itself_is_refused_too(reference: Reference) -> None:
    lowers = Fake(reference, "lowers")

    found = differences(lowers, lowers, SAMPLES[:1], [])

    assert found == [Difference(SAMPLES[0], "the text does not come back")]


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


@pytest.mark.parametrize(
    ("config", "files", "words"),
    [
        (LLAMA, ["model.safetensors"], ""),
        (LLAMA, ["pytorch_model.bin"], "no safetensors"),
        ({**LLAMA, "auto_map": {}}, ["model.safetensors"], "code of its own"),
        ({**LLAMA, "quantization_config": {}}, ["model.safetensors"], "compressed already"),
        ({"model_type": "whisper"}, ["model.safetensors"], "speech"),
        (
            {"architectures": ["LlavaForConditionalGeneration"], "vision_config": {}},
            ["model.safetensors"],
            "vision-language",
        ),
        ({"architectures": ["XForSequenceClassification"]}, [], "reranker"),
        ({"architectures": ["BertModel"], "model_type": "bert"}, [], "need no conversion"),
        ({}, ["model.safetensors"], "does not say"),
    ],
)
def test_what_cannot_be_converted_is_told_by_its_description(
    config: dict[str, object], files: list[str], words: str
) -> None:
    if not words:
        refuse_unfit(config, files)
        return
    with pytest.raises(ImportRefused, match=words):
        refuse_unfit(config, files)


@pytest.mark.parametrize(
    ("source", "to", "error", "words"),
    [
        ("org/name", "int9", InvalidRequest, "not one of fp16, int8, int4, npu"),
        ("../name", "npu", InvalidRequest, "neither"),
        ("just-a-name", "npu", InvalidRequest, "neither"),
        ("file:nothing", "npu", UnknownModel, "does not exist"),
        ("/etc", "npu", UnknownModel, "does not exist"),
        ("file:tiny.gguf", "npu", InvalidRequest, "a folder"),
    ],
)
def test_what_is_no_source_is_refused_before_anything_is_fetched(
    tmp_path: Path, source: str, to: str, error: type[Exception], words: str
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    with pytest.raises(error, match=words):
        order(source, to, None, is_forced=False, drop=tmp_path, anywhere=False)


@pytest.mark.parametrize(
    ("source", "to", "name"),
    [
        ("HuggingFaceTB/SmolLM2-360M-Instruct", "npu", "smollm2-360m-instruct:npu"),
        ("hf.co/org/name@v1.0", "fp16", "name:fp16"),
        ("file:My model (2)", "int8", "my-model-2:int8"),
        ("file:模型", "int4", "model:int4"),
    ],
)
def test_a_model_is_called_after_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, to: str, name: str
) -> None:
    monkeypatch.setattr(extras, "require", lambda extra: ())
    if source.startswith("file:"):
        (tmp_path / source.removeprefix("file:")).mkdir()

    making = order(source, to, None, is_forced=False, drop=tmp_path, anywhere=False)

    assert making.name.display == name
    assert making.request.endswith(f" to {to} as {name}")


def test_libraries_that_do_not_fit_each_other_are_told_with_the_command(tmp_path: Path) -> None:
    broken = tmp_path / "extra" / "openvino_tokenizers"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('built for another OpenVINO')")
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(LLAMA))
    (source / "model.safetensors").touch()

    with pytest.raises(PullFailed, match="do not work together here; npuconsole extra") as caught:
        run_importer(
            "inference.catalog.conversion",
            [str(source), str(tmp_path / "made")],
            about="the test's child",
            stop=Stop(),
            timeout_seconds=60,
            on_step=lambda step, share: None,
            python_path=[broken.parent],
        )

    assert not caught.value.retry
    assert not (tmp_path / "made").exists()


def test_a_conversion_without_its_extra_names_the_command(
    tmp_path: Path, environment_variable: Callable[[str, str], None]
) -> None:
    environment_variable("NPUCONSOLE_EXTRAS", str(tmp_path))
    with pytest.raises(ExtraMissing, match="npuconsole extra convert"):
        order("org/name", "npu", parse_name("x"), is_forced=False, drop=tmp_path, anywhere=False)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "whisper", "architectures": ["WhisperModel"]}, "speech"),
        (
            {"model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"]},
            "vision-language",
        ),
        (
            {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForSequenceClassification"]},
            "reranker",
        ),
    ],
)
def test_a_folder_of_a_kind_without_a_runtime_is_called_by_its_kind(
    tmp_path: Path, config: dict[str, object], words: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "openvino_encoder_model.xml").write_text("<net/>")

    with pytest.raises(PullFailed, match=words):
        LocalSource(tmp_path).list_files(Stop())
