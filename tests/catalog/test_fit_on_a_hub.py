"""What the planner asks of a hub: the unmodified client against a real HTTP hub on loopback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from apis.faults import row_of
from apis.npu.errors import STATUS
from inference import configuration, snapshot
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.fit.asking import describe_repository, is_on_hub
from inference.catalog.fit.description import TAIL_BYTES
from inference.catalog.fit.lookup import HubUnreachable, check_plan, fit_of
from inference.catalog.fit.recipe import Recipe, read_recipe
from inference.catalog.folders import ModelsFolder
from inference.catalog.names import parse_name
from inference.catalog.recipes import Plan
from inference.catalog.sources.hub import HubSource
from inference.catalog.stopping import Stop
from inference.errors import ModelNotFound
from inference.models import Device
from tests.catalog.loopback_hub import LoopbackHub

REPOSITORY = "OpenVINO/tiny-int4-ov"
NOTES = '<rt_info><nncf><group_size value="-1" /><mode value="int4_sym" /><ratio value="1.0" />'


@pytest.fixture
def repository(hub: LoopbackHub, tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    (folder / "openvino_config.json").write_text("[1]")
    (folder / "openvino_model.bin").write_bytes(b"w" * 1_000_000)
    (folder / "openvino_model.xml").write_text("<net>" + "x" * 300_000 + NOTES + "</net>")
    hub.repositories[REPOSITORY] = folder
    return folder


def test_a_repository_is_described_without_its_weights(repository: Path, hub: LoopbackHub) -> None:
    found = describe_repository(REPOSITORY, "main", Stop())

    assert {file.name: file.size_bytes for file in found.files} == {
        path.name: path.stat().st_size for path in repository.iterdir()
    }
    assert found.config == {"architectures": ["LlamaForCausalLM"]}
    assert found.texts["openvino_config.json"] == {}  # it is no object
    assert len(found.graph_tail) == TAIL_BYTES
    assert read_recipe(found) == Recipe(4, True, -1, 1.0, "graph")
    assert not [line for line in hub.requests if "openvino_model.bin" in line]
    ranges = [line for line in hub.requests if line.endswith("-") and "bytes=" in line]
    assert ranges, hub.requests


def test_a_name_that_the_hub_does_not_have_is_unknown(repository: Path) -> None:
    with pytest.raises(UnknownModel):
        describe_repository("OpenVINO/other", "main", Stop())
    assert is_on_hub("OpenVINO/other", Stop()) is False
    assert is_on_hub(REPOSITORY, Stop()) is True


@pytest.mark.parametrize(("status", "words"), [(500, "answered with 500"), (429, "429")])
def test_a_hub_that_refuses_is_said_in_words(
    repository: Path, hub: LoopbackHub, status: int, words: str
) -> None:
    hub.misbehaviour.status = status
    with pytest.raises(PullFailed, match=words):
        describe_repository(REPOSITORY, "main", Stop())


def test_a_hub_that_is_out_of_reach_leaves_the_question_open(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PullFailed, match="cannot be reached"):
        describe_repository(REPOSITORY, "main", Stop())
    assert is_on_hub(REPOSITORY, Stop()) is None


def test_a_pull_of_what_runs_nowhere_is_refused_before_it_begins(
    rows: None, hub: LoopbackHub, repository: Path, tmp_path: Path
) -> None:
    Device.objects.filter(name="CPU").update(present=True)
    snapshot.replace_with(configuration.load())
    models = ModelsFolder(tmp_path / "models", tmp_path)
    plan = Plan(parse_name("tiny"), "tiny", (HubSource(REPOSITORY, "main", ()),))
    # Of a config without layers nothing certain is known.
    assert check_plan(plan, models, Stop()).startswith("CPU: cannot tell")

    config = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"}
    (repository / "config.json").write_text(json.dumps(config))
    with pytest.raises(PullFailed, match="speech model; there is no runtime"):
        check_plan(plan, models, Stop())
    hub.misbehaviour.status = 500
    assert check_plan(plan, models, Stop()) == ""


def test_a_name_of_the_hub_gets_its_verdicts_and_errors_say_what_to_do(
    catalogue: Path, repository: Path, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 1024,
    }
    (repository / "config.json").write_text(json.dumps(config))
    Device.objects.filter(name="CPU").update(present=True)
    snapshot.replace_with(configuration.load())

    fit = asyncio.run(fit_of(REPOSITORY))

    verdicts = {verdict.device: verdict for verdict in fit.verdicts}
    assert verdicts["CPU"].answer == "fits"
    assert verdicts["CPU"].tokens == 1024
    assert not verdicts["NPU"].is_present
    with pytest.raises(ModelNotFound):
        asyncio.run(fit_of("someone/other"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable, match="HF_ENDPOINT"):
        asyncio.run(fit_of(REPOSITORY))
    assert row_of(STATUS, HubUnreachable("x")) == 502
