"""Pull jobs: they belong to the server, and are shared by clients."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from inference.catalog.errors import PullFailed, UnknownModel
from inference.catalog.manifest import Installed
from inference.catalog.names import parse_name
from inference.catalog.progress import PullFrame
from inference.errors import InvalidRequest
from tests.catalog.loopback_hub import LoopbackHub
from tests.catalog.served_jobs import STARTER, read_all, rows, run, statuses

LINES = [
    "pulling manifest",
    "pulling b179c9523d0e",
    "verifying sha256 digest",
    "writing manifest",
    "success",
]


def test_a_pull_tells_what_a_client_expects_and_makes_the_rows(
    catalogue: Path, starter_hub: LoopbackHub
) -> None:
    from inference.models import Model, PullJob

    async def scenario() -> None:
        frames = await read_all(STARTER)
        assert statuses(frames) == LINES
        layers = [frame for frame in frames if frame.digest]
        assert {frame.total for frame in layers} == {98_362_432}
        assert layers[-1].completed == layers[-1].total
        assert [f.completed for f in layers] == sorted(f.completed for f in layers)

    run(scenario)
    model = Model.objects.get(name=STARTER)
    variant = model.variants.get()
    assert (model.status, model.family, model.context_length) == ("ready", "llama", 8192)
    assert model.capabilities == ["completion"]
    assert len(model.digest) == 64
    assert (catalogue / variant.folder / "openvino_model.xml").exists()
    job = PullJob.objects.get()
    assert (job.status, job.fraction, job.error) == ("done", 1.0, "")
    assert job.finished_at is not None


def without_digest(lines: list[str]) -> list[str]:
    return [
        "pulling" if line.startswith("pulling ") and "mani" not in line else line for line in lines
    ]


def test_two_clients_share_one_job_and_one_may_leave(
    catalogue: Path, tiny_hub: LoopbackHub
) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        tiny_hub.misbehaviour.bytes_per_second = 300_000
        leaver = asyncio.create_task(read_all("tiny"))
        first = asyncio.create_task(read_all("TINY:Latest"))
        while not any(status.completed_bytes for status in jobs.active_jobs()):
            await asyncio.sleep(0.02)
        late = asyncio.create_task(read_all("library/tiny:latest"))
        leaver.cancel()
        assert len(jobs.active_jobs()) == 1
        assert statuses(await first) == statuses(await late)
        assert without_digest(statuses(await late)) == without_digest(LINES)

    run(scenario)
    assert len([r for r in tiny_hub.requests if r.startswith("GET /store")]) == 1


def test_an_installed_model_is_told_as_present(catalogue: Path, tiny_hub: LoopbackHub) -> None:
    async def scenario() -> None:
        await read_all("tiny")
        tiny_hub.close()
        begun = time.monotonic()
        frames = await read_all("tiny")
        assert time.monotonic() - begun < 1
        assert without_digest(statuses(frames)) == without_digest(LINES)
        assert all(frame.completed == frame.total for frame in frames)

    run(scenario)
    assert len(rows()[1]) == 1


def test_a_pull_asked_while_the_server_starts_waits_for_the_sweep(
    catalogue: Path, tiny_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep would take its first files for the rest of a dead job."""
    from inference.catalog import jobs

    monkeypatch.setattr(jobs, "_is_closing", False)  # as in a process that had no server yet

    async def scenario() -> None:
        asked = asyncio.create_task(jobs.pull("tiny"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not asked.done()
        await jobs.start()
        try:
            await (await asked).finished()
        finally:
            await jobs.close()

    asyncio.run(scenario())
    assert rows() == ({"tiny:latest": "ready"}, {"tiny:latest": "done"})


def test_an_unknown_name_is_told_in_ollamas_words(catalogue: Path) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        watch = await jobs.pull("no-such-model")
        frames: list[PullFrame] = []
        with pytest.raises(UnknownModel) as caught:
            async for frame in watch:
                frames.append(frame)
        assert frames == [PullFrame("pulling manifest")]
        assert caught.value.message == "pull model manifest: file does not exist"
        assert jobs.active_jobs() == ()

    run(scenario)
    assert rows() == ({}, {})


@pytest.mark.parametrize("name", ["", "a b", "a:b:c", "../x"])
def test_what_is_no_name_is_refused_at_once(catalogue: Path, name: str) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        with pytest.raises(InvalidRequest):
            await jobs.pull(name)

    run(scenario)


def test_a_file_in_the_import_folder_is_pulled_by_its_name(catalogue: Path, tiny: Path) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        shutil.copy(tiny, jobs.models_folder().drop / "My Model.gguf")
        frames = await read_all("my-model")
        assert statuses(frames)[-1] == "success"
        again = await read_all("file:My Model.gguf")
        assert statuses(again)[-1] == "success"

    run(scenario)
    assert rows() == ({"my-model:latest": "ready"}, {"my-model:latest": "done"})


def test_an_absolute_place_is_for_the_owner(catalogue: Path, tiny: Path) -> None:
    from inference.catalog import jobs

    async def scenario() -> None:
        with pytest.raises(UnknownModel):
            await jobs.pull(str(tiny))
        frames = await read_all(str(tiny), anywhere=True)
        assert statuses(frames)[-1] == "success"

    run(scenario)
    assert rows()[0] == {"tiny:latest": "ready"}


def test_a_failure_is_kept_and_told_and_can_be_tried_again(
    catalogue: Path, tiny_hub: LoopbackHub
) -> None:
    from inference.catalog.waiting import why_not_ready
    from inference.models import PullJob

    async def scenario() -> None:
        tiny_hub.misbehaviour.flips_a_bit = True
        with pytest.raises(PullFailed, match="its sha256 differs"):
            await read_all("tiny")
        failed = {"tiny:latest": "failed"}
        assert await asyncio.to_thread(rows) == (failed, failed)
        assert "its sha256 differs" in why_not_ready("tiny").message
        tiny_hub.misbehaviour.flips_a_bit = False
        await read_all("tiny")

    run(scenario)
    assert rows()[0] == {"tiny:latest": "ready"}
    assert "its sha256 differs" in PullJob.objects.get(status="failed").error


def test_a_failure_before_the_servers_start_is_no_promise_of_a_model(catalogue: Path) -> None:
    from inference import configuration, snapshot
    from inference.catalog.waiting import why_not_ready
    from inference.models import Model

    Model.objects.create(name="ago:latest", status="failed")
    snapshot.replace_with(configuration.load())

    assert "could not be installed; pull it again" in why_not_ready("ago").message


def test_a_request_for_a_model_on_its_way_is_told_how_long(
    catalogue: Path, tiny_hub: LoopbackHub
) -> None:
    from inference.catalog import jobs
    from inference.catalog.waiting import why_not_ready

    async def scenario() -> None:
        tiny_hub.misbehaviour.bytes_per_second = 100_000
        await jobs.pull("tiny")
        while "downloading from hub:" not in (answer := why_not_ready("tiny")).message:
            await asyncio.sleep(0.05)
        assert "model 'tiny' is being installed (" in answer.message
        assert answer.retry_after_seconds is not None
        assert 2 <= answer.retry_after_seconds <= 60
        status = jobs.status_of(parse_name("tiny"))
        assert status is not None
        assert status.total_bytes > 0
        models, _ = await asyncio.to_thread(rows)
        assert models == {"tiny:latest": "installing"}

    run(scenario)


def test_the_event_loop_does_none_of_the_work(catalogue: Path, installed: Installed) -> None:
    async def scenario() -> None:
        in_loop, in_all = time.thread_time(), time.process_time()
        await read_all(str(installed.folder), anywhere=True)
        in_loop, in_all = time.thread_time() - in_loop, time.process_time() - in_all
        assert in_all > 0.1, "it hashed a hundred megabytes, in other threads"
        assert in_loop < in_all / 4

    run(scenario)
