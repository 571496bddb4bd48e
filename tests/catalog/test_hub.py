"""The hub source: the unmodified client against a real HTTP hub on loopback."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from inference.catalog.errors import PullFailed, Stopped
from inference.catalog.sources import SourceFile
from inference.catalog.sources.hub import HubSource
from inference.catalog.stopping import Stop
from tests.catalog.loopback_hub import COMMIT, LoopbackHub

CONTENT = random.Random(7).randbytes(3_000_000)
REPOSITORY = "someone/some-model"


@pytest.fixture
def source(hub: LoopbackHub, tmp_path: Path) -> HubSource:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(CONTENT)
    (folder / "other.gguf").write_bytes(b"other")
    hub.repositories[REPOSITORY] = folder
    return HubSource(REPOSITORY, COMMIT, ("model.gguf",))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def fetch(source: HubSource, target: Path) -> list[int]:
    counts: list[int] = []
    stop = Stop()
    source.fetch(source.list_files(stop), target, lambda name, count: counts.append(count), stop)
    return counts


def test_the_hub_is_asked_for_sizes_and_hashes(source: HubSource) -> None:
    expected = SourceFile("model.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert source.list_files(Stop()) == (expected,)


def test_a_file_arrives_over_a_redirect(source: HubSource, target: Path) -> None:
    fetch(source, target)
    assert (target / "model.gguf").read_bytes() == CONTENT
    assert not (target / "other.gguf").exists()


def test_progress_is_seen_while_a_file_arrives(
    source: HubSource, target: Path, hub: LoopbackHub
) -> None:
    hub.misbehaviour.bytes_per_second = 2_000_000
    counts = fetch(source, target)
    assert any(1_000_000 <= count < len(CONTENT) for count in counts)
    assert counts == sorted(counts)


def test_a_dropped_connection_is_taken_up_again(
    source: HubSource, target: Path, hub: LoopbackHub
) -> None:
    hub.misbehaviour.drops = [1_000_000, 500_000]
    fetch(source, target)
    assert (target / "model.gguf").read_bytes() == CONTENT
    assert len([line for line in hub.requests if line.startswith("GET /store")]) == 3


def test_a_hub_that_says_nothing_is_given_up_with_what_to_do(
    source: HubSource, hub: LoopbackHub
) -> None:
    hub.misbehaviour.is_silent = True
    begun = time.monotonic()
    with pytest.raises(PullFailed, match="within 1 seconds: set HF_ENDPOINT to a mirror") as caught:
        replace(source, reach_seconds=1.0).list_files(Stop())
    assert time.monotonic() - begun < 6
    assert caught.value.retry


def test_a_hub_that_is_not_there_is_given_up_at_once(
    source: HubSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PullFailed, match="the hub cannot be reached"):
        source.list_files(Stop())


@pytest.mark.parametrize(
    ("status", "text", "retry"),
    [
        (404, "does not have this model", False),
        (500, "answered with 500", True),
        (429, "429", True),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(
    source: HubSource, hub: LoopbackHub, status: int, text: str, retry: bool
) -> None:
    hub.misbehaviour.status = status
    if status == 404:
        hub.misbehaviour.status, hub.repositories = 0, {}
    with pytest.raises(PullFailed, match=text) as caught:
        source.list_files(Stop())
    assert caught.value.retry is retry


def test_a_file_that_is_not_the_pinned_one_is_refused_before_it_is_fetched(
    hub: LoopbackHub, source: HubSource
) -> None:
    pinned = HubSource(REPOSITORY, COMMIT, ("model.gguf",), pins={"model.gguf": "0" * 64})
    with pytest.raises(PullFailed, match="another model.gguf than the one known to be good"):
        pinned.list_files(Stop())


def test_a_missing_file_is_named(hub: LoopbackHub, source: HubSource) -> None:
    with pytest.raises(PullFailed, match=r"no file absent\.gguf"):
        HubSource(REPOSITORY, COMMIT, ("absent.gguf",)).list_files(Stop())


def test_a_download_can_be_stopped(source: HubSource, target: Path, hub: LoopbackHub) -> None:
    stop = Stop()
    files = source.list_files(stop)
    hub.misbehaviour.bytes_per_second = 100_000

    def stop_soon(name: str, count: int) -> None:
        if count:
            stop.set()

    begun = time.monotonic()
    with pytest.raises(Stopped):
        source.fetch(files, target, stop_soon, stop)
    assert time.monotonic() - begun < 10


def test_questions_share_a_client_until_one_fails_or_the_variables_change(
    source: HubSource, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clients() -> set[int]:
        found = psutil.Process().children()
        return {c.pid for c in found if any("hub_client" in word for word in c.cmdline())}

    before = clients()
    source.list_files(Stop())
    first = clients() - before
    source.list_files(Stop())
    assert clients() - before == first
    monkeypatch.setenv("HF_TOKEN", "another")
    source.list_files(Stop())
    second = clients() - before
    assert not first & second
    with pytest.raises(PullFailed):
        HubSource("someone/absent", COMMIT, ("model.gguf",)).list_files(Stop())
    assert clients() - before == set()


@pytest.mark.parametrize("name", ["../up", "/abs", "a/../../b", "c:\\x", "a:b", "", "nul\0"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(PullFailed, match="unusable name"):
        SourceFile(name, 1, "0" * 64)
