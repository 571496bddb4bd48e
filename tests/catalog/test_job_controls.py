"""Pulls of whole repositories as jobs: paused, resumed, cancelled, killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from inference.catalog.errors import PullCancelled, PullFailed, PullPaused, UnknownJob
from inference.catalog.manifest import is_intact, read_manifest
from inference.catalog.progress import PullFrame
from inference.catalog.sources import bytes_under
from inference.catalog.stopping import Stop
from inference.errors import InvalidRequest
from tests.catalog.exports import write_export
from tests.catalog.loopback_hub import LoopbackHub

ROOT = Path(__file__).resolve().parents[2]
NAME = "someone/one"


@pytest.fixture
def export(hub: LoopbackHub, tiny_export: Path, tmp_path: Path) -> Path:
    """A repository of two dozen files and a few megabytes."""
    folder = write_export(tmp_path / "one", tiny_export, files=24, size_bytes=6_000_000, seed=1)
    hub.repositories[NAME] = folder
    return folder


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run it between the start and the end of a server."""
    from inference.catalog import jobs

    async def served() -> None:
        await jobs.start()
        try:
            await asyncio.wait_for(scenario(), 60)
        finally:
            await jobs.close()

    asyncio.run(served())


async def in_the_middle() -> int:
    """Start the pull and wait until a part of it is here; the job's number."""
    from inference.catalog import jobs

    watch = await jobs.pull(NAME)
    while watch.status.completed_bytes <= 1_000_000:
        assert not watch.status.is_over, watch.status
        await asyncio.sleep(0.02)
    return int((await jobs.newest(1))[0].id)


def status() -> str:
    from inference.models import PullJob

    return str(PullJob.objects.latest("pk").status)


def downloads(catalogue: Path) -> list[Path]:
    return list((catalogue / ".work").glob("*-dl-*"))


def assert_whole(catalogue: Path, export: Path) -> None:
    """What is installed is what the repository holds, byte for byte, and nothing else is there."""
    (folder,) = (catalogue / "installed").glob(f"someone+{export.name}*")
    found = read_manifest(folder)
    assert found is not None
    assert is_intact(found, Stop())
    for path in export.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in export.iterdir()),
        "install.json",
    }


def test_every_file_has_its_line_and_they_end_with_success(
    catalogue: Path, hub: LoopbackHub, export: Path
) -> None:
    from inference.catalog import jobs

    hub.misbehaviour.bytes_per_second = 1_000_000
    frames: list[PullFrame] = []

    async def scenario() -> None:
        async for frame in await jobs.pull(NAME):
            frames.append(frame)

    run(scenario)
    assert [frames[0].status, *(frame.status for frame in frames[-3:])] == [
        "pulling manifest",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    layers: dict[str, list[PullFrame]] = {}
    for frame in frames:
        if frame.digest:
            layers.setdefault(frame.digest, []).append(frame)
    assert set(layers) == {f"sha256:{hub.sha256_of(path)}" for path in export.iterdir()}
    for lines in layers.values():
        assert len({line.total for line in lines}) == 1
        assert [line.completed for line in lines] == sorted(line.completed for line in lines)
        assert lines[-1].completed == lines[-1].total
    assert_whole(catalogue, export)
    assert not list((catalogue / ".work").iterdir())


def test_a_paused_pull_rests_over_a_restart_and_goes_on_where_it_was(
    catalogue: Path, hub: LoopbackHub, export: Path
) -> None:
    from inference.catalog import jobs

    hub.misbehaviour.bytes_per_second = 150_000
    numbers: list[int] = []

    async def paused() -> None:
        number = await in_the_middle()
        watch = await jobs.pull(NAME)
        assert (await jobs.pause(number)).status == "paused"
        with pytest.raises(PullPaused, match="pull the model again to go on"):
            await watch.finished()
        assert (await jobs.pause(number)).status == "paused", "pausing twice is no error"
        numbers.append(number)

    async def after_a_restart() -> None:
        assert jobs.active_jobs() == ()
        hub.misbehaviour.bytes_per_second = 0
        hub.requests.clear()
        await jobs.resume(numbers[0])
        await (await jobs.pull(NAME)).finished()
        assert (await jobs.find(numbers[0])).status == "done"

    run(paused)
    (kept,) = downloads(catalogue)
    assert sum(path.stat().st_size for path in kept.rglob("*")) > 1_000_000
    run(after_a_restart)
    assert any("bytes=" in line for line in hub.requests)
    assert_whole(catalogue, export)
    assert not downloads(catalogue)


def test_a_cancelled_pull_leaves_nothing(catalogue: Path, hub: LoopbackHub, export: Path) -> None:
    from inference.catalog import jobs
    from inference.models import Model

    hub.misbehaviour.bytes_per_second = 150_000

    async def running() -> None:
        number = await in_the_middle()
        watch = await jobs.pull(NAME)
        assert (await jobs.cancel(number)).status == "cancelled"
        with pytest.raises(PullCancelled):
            await watch.finished()
        assert (await jobs.cancel(number)).status == "cancelled"

    async def resting() -> None:
        number = await in_the_middle()
        await jobs.pause(number)
        assert downloads(catalogue)
        assert (await jobs.cancel(number)).status == "cancelled"

    for scenario in (running, resting):
        run(scenario)
        assert not list((catalogue / ".work").iterdir())
        assert not list((catalogue / "installed").iterdir())
        assert not Model.objects.exists()


def test_what_cannot_be_paused_says_why(catalogue: Path, export: Path) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        with pytest.raises(UnknownJob):
            await jobs.pause(123)
        await (await jobs.pull(NAME)).finished()
        number = (await jobs.newest(1))[0].id
        for act in (jobs.pause, jobs.resume, jobs.cancel):
            with pytest.raises(InvalidRequest, match="is over: done"):
                await act(number)

    run(scenario)


def test_a_pull_that_waits_for_its_turn_survives_the_server(
    catalogue: Path, hub: LoopbackHub, export: Path
) -> None:
    from inference.catalog import jobs
    from inference.models import PullJob

    hub.misbehaviour.bytes_per_second = 20_000
    for name in ("someone/two", "someone/three"):
        hub.repositories[name] = export

    async def scenario() -> None:
        for name in (NAME, "someone/two", "someone/three"):
            await jobs.pull(name)
        while len(await jobs.newest(5)) < 3:
            await asyncio.sleep(0.02)

    run(scenario)
    assert PullJob.objects.filter(status__in=jobs.ACTIVE).count() == 3


def test_two_pulls_at_once_survive_the_death_of_their_server(
    catalogue: Path, hub: LoopbackHub, export: Path, tiny_export: Path, tmp_path: Path
) -> None:
    other = write_export(tmp_path / "two", tiny_export, files=24, size_bytes=6_000_000, seed=2)
    hub.repositories["someone/two"] = other
    hub.misbehaviour.bytes_per_second = 150_000
    names = [NAME, "someone/two"]
    for least in (300_000, 2_000_000):
        server = _server(*names)
        try:
            while bytes_under(catalogue / ".work") < least:
                assert server.poll() is None
        finally:
            server.kill()
            server.wait()
        names = []  # from here on it takes up what it finds
        hub.misbehaviour.bytes_per_second = 400_000
    hub.misbehaviour.bytes_per_second = 0
    hub.requests.clear()
    server = _server()
    assert server.wait(60) == 0
    assert any("bytes=" in line for line in hub.requests)
    assert status() == "done"
    assert_whole(catalogue, export)
    assert_whole(catalogue, other)
    assert not list((catalogue / ".work").iterdir())


def _server(*names: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.catalog.pulling_server", *names],
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env=dict(os.environ),
    )


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="only Linux limits other processes")
def test_a_full_disk_leaves_the_old_state_and_says_so(
    catalogue: Path, hub: LoopbackHub, export: Path
) -> None:
    """A limit on the size of the child's files stands for the disk: the system refuses both."""
    from inference.catalog import jobs

    hub.misbehaviour.bytes_per_second = 150_000

    async def scenario() -> None:
        await in_the_middle()
        watch = await jobs.pull(NAME)
        for child in psutil.Process().children():
            if any("hub_client" in word for word in child.cmdline()):
                child.rlimit(psutil.RLIMIT_FSIZE, (250_000, 250_000))
        with pytest.raises(PullFailed, match="disk of the models folder is full"):
            await watch.finished()

    run(scenario)
    assert status() == "failed"
    assert not list((catalogue / "installed").iterdir())
    assert not list((catalogue / ".work").iterdir())
