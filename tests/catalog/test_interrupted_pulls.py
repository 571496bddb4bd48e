"""Pulls whose server ends, or is killed, go on with the next one and leave no half of a model."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from inference.catalog.errors import PullFailed
from inference.catalog.manifest import Installed, is_intact, read_manifest
from inference.catalog.stopping import Stop
from tests.catalog.loopback_hub import LoopbackHub
from tests.catalog.served_jobs import STARTER, read_all, rows, run, statuses

ROOT = Path(__file__).resolve().parents[2]


def test_the_end_of_the_server_ends_the_children_within_two_seconds(
    catalogue: Path, tiny_hub: LoopbackHub
) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        tiny_hub.misbehaviour.bytes_per_second = 70_000
        of_other_tests = psutil.Process().children()
        watcher = asyncio.create_task(read_all("tiny"))
        while not any(status.completed_bytes for status in jobs.active_jobs()):
            await asyncio.sleep(0.05)
        children = [c for c in psutil.Process().children() if c not in of_other_tests]
        assert children
        begun = time.monotonic()
        await jobs.close()
        assert time.monotonic() - begun < 2
        assert not any(child.is_running() for child in children)
        with pytest.raises(PullFailed, match="goes on when it runs again"):
            await watcher
        with pytest.raises(PullFailed, match="stopping"):
            await jobs.pull("tiny")

    run(scenario)
    models, pulls = rows()
    assert models == {"tiny:latest": "installing"}
    assert pulls["tiny:latest"] in ("queued", "downloading")


def test_an_interrupted_pull_is_taken_up_at_the_next_start(
    catalogue: Path, tiny_hub: LoopbackHub
) -> None:
    from inference.catalog import jobs

    async def interrupted() -> None:
        tiny_hub.misbehaviour.bytes_per_second = 70_000
        await jobs.pull("tiny")
        while not any(status.completed_bytes for status in jobs.active_jobs()):
            await asyncio.sleep(0.05)

    async def next_start() -> None:
        assert [status.model_name for status in jobs.active_jobs()] == ["tiny:latest"]
        assert statuses(await read_all("tiny"))[-1] == "success"

    run(interrupted)
    tiny_hub.misbehaviour.bytes_per_second = 0
    run(next_start)
    assert rows() == ({"tiny:latest": "ready"}, {"tiny:latest": "done"})


def test_an_interrupted_pull_whose_file_is_gone_is_marked_as_failed(
    catalogue: Path, starter: Path
) -> None:
    from inference.catalog import jobs
    from inference.models import Model, PullJob

    Model.objects.create(name="gone:latest", status="installing", family="unknown")
    PullJob.objects.create(model_name="gone:latest", source="file:/gone.gguf", status="importing")
    Model.objects.create(name="orphan:latest", status="installing", family="unknown")

    async def scenario() -> None:
        assert jobs.active_jobs() == ()

    run(scenario)
    assert rows() == (
        {"gone:latest": "failed", "orphan:latest": "failed"},
        {"gone:latest": "failed"},
    )


@pytest.mark.parametrize("fraction", [0.3, 0.7])
def test_a_server_killed_while_it_fetches_or_imports_begins_again(
    catalogue: Path, starter_hub: LoopbackHub, fraction: float
) -> None:
    starter_hub.misbehaviour.bytes_per_second = 200_000_000
    with _pulling_server(STARTER) as server:
        _kill_at(server, fraction)
    assert not list((catalogue / "installed").iterdir())
    with _pulling_server() as server:  # no name: it takes up what it finds
        assert server.wait(60) == 0
    assert rows() == ({STARTER: "ready"}, {STARTER: "done"})
    _assert_whole(catalogue)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.45, 0.61, 0.955, 0.985])
def test_a_server_killed_at_any_moment_leaves_the_old_or_the_new(
    catalogue: Path, installed: Installed, fraction: float
) -> None:
    shutil.copytree(installed.folder, catalogue / "import" / "mine")
    with _pulling_server("mine") as server:
        _kill_at(server, fraction)
    for folder in (catalogue / "installed").iterdir():
        found = read_manifest(folder)
        assert found is not None
        assert is_intact(found, Stop())
    with _pulling_server() as server:
        assert server.wait(60) == 0
    assert rows()[0] in ({"mine:latest": "ready"}, {})  # {}: killed before it wrote anything
    _assert_whole(catalogue)


def _assert_whole(catalogue: Path) -> None:
    assert not list((catalogue / ".work").iterdir())
    assert len(list((catalogue / "installed").iterdir())) == len(rows()[0])


def _pulling_server(*names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.catalog.pulling_server", *names],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
    )


def _kill_at(server: subprocess.Popen[str], fraction: float) -> None:
    assert server.stdout is not None
    children: list[psutil.Process] = []
    for line in server.stdout:
        if line == "idle\n" or float(line.split()[0]) >= fraction:
            break
    children = psutil.Process(server.pid).children()
    server.kill()
    server.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, "a child outlived its server"
