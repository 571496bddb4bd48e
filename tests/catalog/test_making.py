"""Jobs that make models from others: a hub's safetensors through a whole conversion but for its
child, what ends one, and what a killed server leaves between two of its steps."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import DatabaseError

from inference.catalog import extras, making
from inference.catalog.conversion import order
from inference.catalog.errors import PullCancelled, PullFailed
from inference.catalog.making import Limits, Made, Making, make_with
from inference.catalog.manifest import Installed, read_manifest
from inference.catalog.names import parse_name
from inference.catalog.progress import Progress
from inference.catalog.stopping import Stop
from tests.appliance_process import ROOT
from tests.catalog.loopback_hub import COMMIT, LoopbackHub
from tests.catalog.served_jobs import forms, run

STANDIN = "tests.catalog.standin_exporter"
SOURCE = "someone/tiny"


@pytest.fixture
def repository(
    hub: LoopbackHub, tmp_path: Path, imported: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Puts safetensors on the hub, for a child that does what it is told by them."""
    monkeypatch.setattr(order, "MODULE", STANDIN)
    monkeypatch.setattr(extras, "require", lambda extra: ())
    folder = tmp_path / "repository"
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 400)
    (folder / "pytorch_model.bin").write_bytes(b"never fetched")
    hub.repositories[SOURCE] = folder

    def tell(wanted: str = str(imported)) -> None:
        (folder / "standin.json").write_text(wanted)

    return tell


def test_a_hubs_safetensors_become_a_model_whose_job_tells_how_far_it_is(
    catalogue: Path, repository: Callable[..., None], hub: LoopbackHub
) -> None:
    from inference import conversions
    from inference.models import Model, PullJob

    repository()

    async def scenario() -> None:
        frames = [frame async for frame in await conversions.convert(SOURCE, "fp16", "made")]
        words = list(dict.fromkeys(frame.status for frame in frames))
        assert words[0] == f"convert {SOURCE}@main to fp16 as made:latest"
        assert words[-3:] == ["converting the graph", "writing manifest", "success"]
        assert any(word.startswith("pulling ") for word in words)
        shares = [f.completed for f in frames if f.status == "converting the graph"]
        assert 60 < shares[0] <= shares[-1] < 100

    run(scenario)
    model = Model.objects.get()
    assert (model.name, model.status) == ("made:latest", "ready")
    assert model.source == f"hub:{SOURCE}@main"
    (folder,) = (catalogue / "installed").iterdir()
    manifest = read_manifest(folder)
    assert manifest is not None and manifest.source_files[0].commit == COMMIT
    job = PullJob.objects.get()
    assert (job.status, job.step, job.fraction) == ("done", "done", 1.0)
    assert not any("pytorch" in request for request in hub.requests)
    assert list((catalogue / ".work").iterdir()) == []


def test_a_cancelled_conversion_leaves_nothing_of_what_it_fetched_and_made(
    catalogue: Path, repository: Callable[..., None]
) -> None:
    from inference import conversions
    from inference.catalog import jobs
    from inference.models import PullJob

    repository("hang")

    async def scenario() -> None:
        watch = await conversions.convert(SOURCE, "fp16", "made")
        async for frame in watch:
            if frame.status == "converting the graph":
                break
        (child,) = (child for child in psutil.Process().children() if STANDIN in child.cmdline())
        job = await asyncio.to_thread(PullJob.objects.get)
        assert (await jobs.cancel(job.pk)).status == "cancelled"
        assert not child.is_running()
        with pytest.raises(PullCancelled, match="nothing is left"):
            await watch.finished()

    run(scenario)
    nothing_is_left(catalogue)


def test_a_refused_conversion_says_why_and_leaves_nothing(
    catalogue: Path, repository: Callable[..., None]
) -> None:
    from inference import conversions
    from inference.models import PullJob

    repository("refuse")

    async def scenario() -> None:
        with pytest.raises(PullFailed, match="tokenizer is not the model's"):
            await (await conversions.convert(SOURCE, "npu", "made")).finished()

    run(scenario)
    job = PullJob.objects.get()
    assert (job.status, job.error) == ("failed", "The converted tokenizer is not the model's.")
    nothing_is_left(catalogue)


@pytest.mark.parametrize(
    ("wanted", "limits", "spare_bytes", "words"),
    [
        ("grow", Limits(60, 0), 150_000_000, "needs more than the 0.1 GB of memory"),
        ("hang", Limits(2, 0), 10**12, "took longer than 2 seconds"),
    ],
)
def test_a_child_that_wants_too_much_is_ended_with_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    limits: Limits,
    spare_bytes: int,
    words: str,
) -> None:
    monkeypatch.setattr(making, "spendable_bytes", lambda: spare_bytes)
    (tmp_path / "standin.json").write_text(wanted)
    with pytest.raises(PullFailed, match=words) as caught:
        make_with(
            STANDIN,
            [str(tmp_path), str(tmp_path / "made")],
            size_bytes=1,
            limits=limits,
            shares=(0.0, 1.0),
            python_path=(),
            progress=Progress("made", asyncio.new_event_loop()),
            stop=Stop(),
        )
    assert not caught.value.retry
    assert not any(STANDIN in child.cmdline() for child in psutil.Process().children())
    assert not (tmp_path / "made").exists()


def made_by(name: str, make: Callable[..., Made], write_rows: Callable[..., Any]) -> Making:
    request = f"convert somewhere to fp16 as {name}:latest"
    return Making(parse_name(name), request, make, write_rows)


def test_jobs_are_done_one_after_the_other(catalogue: Path) -> None:
    from inference.catalog import jobs

    meeting = threading.Barrier(2, timeout=1.0)

    def make(*_: object) -> Made:
        try:
            meeting.wait()
        except threading.BrokenBarrierError:
            raise PullFailed("it was alone") from None
        raise PullFailed("another one was under way")

    async def scenario() -> None:
        watches = [await jobs.make(made_by(name, make, make)) for name in ("one", "two")]
        for watch in watches:
            with pytest.raises(PullFailed, match="it was alone"):
                await watch.finished()

    run(scenario)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PullFailed("the model was deleted meanwhile"), "the model was deleted meanwhile"),
        (extras.ExtraMissing("this needs the extra"), "this needs the extra"),
        (DatabaseError("disk I/O error at /secret"), "for a reason that is in the log"),
    ],
)
def test_what_gets_no_rows_does_not_stay_on_the_disk(
    catalogue: Path, imported: Path, error: Exception, words: str
) -> None:
    from inference.catalog import jobs
    from inference.models import PullJob

    def make(work: Path, *_: object) -> Made:
        shutil.copytree(imported, work / "made")
        return Made(work / "made", "file:somewhere")

    def write_rows(job_id: int, installed: Installed, root: Path) -> list[Path]:
        assert installed.folder.is_dir()
        raise error

    async def scenario() -> None:
        with pytest.raises(PullFailed, match=words):
            await (await jobs.make(made_by("made", make, write_rows))).finished()

    run(scenario)
    job = PullJob.objects.get()
    assert (job.status, words in job.error) == ("failed", True)
    nothing_is_left(catalogue)
    assert not any(unsettled_marks(catalogue))


KILLED = """
import asyncio, os, shutil, sys
from pathlib import Path
import django; django.setup()
from inference.catalog import job_rows, jobs, rows
from inference.catalog.making import Made, Making
from inference.catalog.names import parse_name
from inference.catalog.recipes import Plan

name, imported, moment = parse_name("made"), Path(sys.argv[1]), sys.argv[2]

def make(work, progress, stop):
    shutil.copytree(imported, work / "made")
    return Made(work / "made", "file:somewhere")

def write_rows(job_id, installed, root):
    if moment == "after":
        job_rows.publish(job_id, Plan(name, "", ()), [rows.Form(installed)], root)
    os._exit(9)

async def serve():
    await jobs.start()
    making = Making(name, "convert somewhere to fp16 as made:latest", make, write_rows)
    await (await jobs.make(making)).finished()

asyncio.run(serve())
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_server_killed_between_the_rename_and_the_rows_leaves_a_model_or_nothing(
    catalogue: Path, imported: Path, moment: str
) -> None:
    from inference.catalog import jobs
    from inference.models import PullJob

    command = [sys.executable, "-c", KILLED, str(imported), moment]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 9, ended.stderr
    assert len(list((catalogue / "installed").iterdir())) == 1

    async def restart() -> None:
        assert jobs.active_jobs() == ()

    run(restart)
    job = PullJob.objects.get()
    if moment == "after":
        assert (job.status, list(forms())) == ("done", ["made:latest"])
        assert len(list((catalogue / "installed").iterdir())) == 1
    else:
        assert (job.status, forms()) == ("failed", {})
        assert "nothing is left of it" in job.error
        assert list((catalogue / "installed").iterdir()) == []
    assert list((catalogue / ".work").iterdir()) == []
    assert not any(unsettled_marks(catalogue))


def unsettled_marks(catalogue: Path) -> list[Any]:
    from inference.catalog import jobs

    return list(jobs.models_folder().unsettled.glob("*"))


def nothing_is_left(catalogue: Path) -> None:
    assert forms() == {}
    assert list((catalogue / "installed").iterdir()) == []
    assert list((catalogue / ".work").iterdir()) == []
