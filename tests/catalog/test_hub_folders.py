"""Whole repositories from a hub: many files at once, each held to its hash, going on where an
earlier process ended."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from inference import snapshot
from inference.catalog import fetching
from inference.catalog.errors import DiskFull, PullFailed, Stopped
from inference.catalog.progress import Progress
from inference.catalog.sources.hub import HubSource, beside
from inference.catalog.stopping import Stop
from inference.snapshot import SettingsInfo, Snapshot
from tests.catalog.loopback_hub import COMMIT, TOKEN, LoopbackHub

REPOSITORY = "someone/export"
CHANCE = random.Random(11)
CONTENTS = {
    **{f"part-{number}.bin": CHANCE.randbytes(400_000 + number) for number in range(6)},
    **{f"more/note-{number}.txt": CHANCE.randbytes(900 + number) for number in range(4)},
    "config.json": b"{}",
}


@pytest.fixture
def repository(hub: LoopbackHub, tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for name, content in {**CONTENTS, "README.md": b"not wanted"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    hub.repositories[REPOSITORY] = folder
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


SOURCE = HubSource(REPOSITORY, "main", ("*",), excluded=("*.md",))


def fetch(target: Path, stop: Stop | None = None) -> dict[str, list[int]]:
    """Fetch all; what was told of each file."""
    told: dict[str, list[int]] = {}
    stop = stop or Stop()
    SOURCE.fetch(
        SOURCE.list_files(stop),
        target,
        lambda name, count: told.setdefault(name, []).append(count),
        stop,
    )
    return told


def set_settings(monkeypatch: pytest.MonkeyPatch, **settings: float) -> None:
    picture = Snapshot(settings=SettingsInfo(**settings))  # type: ignore[arg-type]
    monkeypatch.setattr(snapshot, "_current", picture)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def asked_for(hub: LoopbackHub) -> Counter[str]:
    """How often each file's contents were asked for."""
    names = (line.split()[1] for line in hub.requests if line.startswith("GET /"))
    return Counter(n.split(f"{REPOSITORY}/", 1)[1] for n in names if n.startswith("/store/"))


def test_what_the_patterns_choose_arrives_whole_at_one_commit(
    hub: LoopbackHub, repository: Path, target: Path
) -> None:
    files = SOURCE.list_files(Stop())
    told = fetch(target)
    assert {file.commit for file in files} == {COMMIT}
    assert contents(target) == CONTENTS
    assert all(counts == sorted(counts) for counts in told.values())
    assert {name: counts[-1] for name, counts in told.items()} == {
        name: len(content) for name, content in CONTENTS.items()
    }
    resolved = [line for line in hub.requests if "/resolve/" in line]
    assert all(f"/resolve/{COMMIT}/" in line for line in resolved)
    assert len(resolved) == len(CONTENTS), "a file was asked for more than once"


def test_a_download_that_was_broken_off_goes_on_where_it_was(
    hub: LoopbackHub, repository: Path, target: Path
) -> None:
    hub.misbehaviour.bytes_per_second = 300_000
    stop = Stop()
    files = SOURCE.list_files(stop)

    def stop_in_the_middle(name: str, count: int) -> None:
        if name.endswith(".bin") and count > 250_000:
            stop.set()

    with pytest.raises(Stopped):
        SOURCE.fetch(files, target, stop_in_the_middle, stop)
    _, partial = beside(target)
    begun = {path.stat().st_size for path in partial.iterdir() if path.stat().st_size > 1000}
    assert begun
    hub.misbehaviour.bytes_per_second = 0
    hub.requests.clear()
    fetch(target)
    assert contents(target) == CONTENTS
    ranges = {int(line.split("bytes=")[1].rstrip("-")) for line in hub.requests if "bytes=" in line}
    assert ranges & begun
    assert not partial.exists()


def test_files_that_are_here_are_read_again_and_fetched_only_when_they_are_damaged(
    hub: LoopbackHub, repository: Path, target: Path
) -> None:
    fetch(target)
    damaged = target / "part-2.bin"
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    hub.requests.clear()
    fetch(target)
    assert asked_for(hub) == {"part-2.bin": 1}
    assert contents(target) == CONTENTS


def test_what_a_power_cut_left_of_a_file_is_fetched_anew(
    hub: LoopbackHub, repository: Path, target: Path
) -> None:
    hub.misbehaviour.bytes_per_second = 300_000
    stop = Stop()
    files = SOURCE.list_files(stop)
    with pytest.raises(Stopped):
        SOURCE.fetch(
            files, target, lambda name, count: stop.set() if count > 250_000 else None, stop
        )
    hub.misbehaviour.bytes_per_second = 0
    for path in beside(target)[1].iterdir():
        path.write_bytes(b"\0" * path.stat().st_size)
    fetch(target)
    assert contents(target) == CONTENTS


@pytest.mark.parametrize("refusals", [[503, 500], [429]])
def test_a_hub_that_is_busy_for_a_moment_is_asked_again(
    hub: LoopbackHub, repository: Path, target: Path, refusals: list[int]
) -> None:
    hub.misbehaviour.refusals = list(refusals)
    fetch(target)
    assert contents(target) == CONTENTS
    assert not hub.misbehaviour.refusals


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("flips_a_bit", "did not arrive whole from the hub .its sha256 differs"),
        ("tells_wrong_git_hashes", "its git hash differs"),
    ],
)
def test_contents_that_are_not_as_stated_are_refused(
    hub: LoopbackHub, repository: Path, target: Path, wrong: str, text: str
) -> None:
    setattr(hub.misbehaviour, wrong, True)
    with pytest.raises(PullFailed, match=text):
        fetch(target)


def test_a_gated_repository_says_what_to_do_and_opens_with_a_token(
    hub: LoopbackHub, repository: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.misbehaviour.is_gated = True
    with pytest.raises(PullFailed, match="accept its terms there and set HF_TOKEN"):
        fetch(target)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch(target)
    assert contents(target) == CONTENTS


def test_without_a_network_on_purpose_the_import_folder_is_named(
    hub: LoopbackHub, repository: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PullFailed, match="HF_HUB_OFFLINE.*import folder"):
        fetch(target)


def test_as_many_files_arrive_at_once_as_the_owner_says(
    hub: LoopbackHub, repository: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, pull_parallel=1)
    hub.misbehaviour.bytes_per_second = 2_000_000
    told: list[str] = []
    files = SOURCE.list_files(Stop())
    SOURCE.fetch(files, target, lambda name, count: told.append(name), Stop())
    arrived = told[: -len(files)]  # at the end all are told once more
    assert len(list(dict.fromkeys(arrived))) == 1 + sum(
        one != other for one, other in itertools.pairwise(arrived)
    )


@pytest.mark.parametrize(
    ("limit", "free", "text", "kind"),
    [
        (0.001, None, r"0\.002 GB large; the limit here is 0\.001 GB", PullFailed),
        (0.0, 1_000_000, "has 1 MB free; this model needs", DiskFull),
    ],
)
def test_what_is_too_large_is_refused_before_anything_is_fetched(
    hub: LoopbackHub,
    repository: Path,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: float,
    free: int | None,
    text: str,
    kind: type[PullFailed],
) -> None:
    set_settings(monkeypatch, pull_max_gigabytes=limit)
    if free is not None:
        usage = fetching.shutil.disk_usage(target)
        monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage._replace(free=free))
    progress = Progress("m:latest", asyncio.new_event_loop())
    with pytest.raises(kind, match=text):
        fetching.fetch(SOURCE, SOURCE.list_files(Stop()), target, progress, Stop())
    assert not any("/resolve/" in line for line in hub.requests)


def test_two_threads_of_downloads_do_not_hinder_each_other(
    hub: LoopbackHub, repository: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    threads = [threading.Thread(target=fetch, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(contents(folder) == CONTENTS for folder in folders)
