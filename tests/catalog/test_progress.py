"""What watchers of a pull see, whenever they come and however slowly they read."""

from __future__ import annotations

import asyncio
import logging

import pytest

from inference.catalog.errors import PullFailed
from inference.catalog.progress import Progress, PullFrame


def frame(completed: int) -> PullFrame:
    return PullFrame("pulling 000000000000", "sha256:" + "0" * 64, 100, completed)


async def read_all(progress: Progress) -> list[PullFrame]:
    return [seen async for seen in progress.watch()]


def test_a_late_watcher_sees_every_milestone_and_the_latest_count() -> None:
    async def scenario() -> None:
        progress = Progress("m:latest", asyncio.get_running_loop())
        progress.milestone(PullFrame("pulling manifest"))
        progress.milestone(frame(0))
        progress.advance(frame(40))
        watcher = asyncio.create_task(read_all(progress))
        await asyncio.sleep(0)
        progress.advance(frame(100))
        progress.milestone(PullFrame("success"))
        progress.succeed()
        seen = await watcher
        assert seen[0].status == "pulling manifest"
        assert [item.completed for item in seen if item.digest] == [40, 100]
        assert seen[-1].status == "success"
        assert await read_all(progress) == [PullFrame("pulling manifest"), frame(100), seen[-1]]

    asyncio.run(scenario())


def test_a_watcher_that_does_not_read_holds_up_nothing() -> None:
    async def scenario() -> None:
        progress = Progress("m:latest", asyncio.get_running_loop())
        progress.milestone(frame(0))
        slow = progress.watch()
        assert await anext(slow) == frame(0)
        for count in range(1, 101):
            progress.advance(frame(count))
        progress.succeed()
        assert [item async for item in slow] == [frame(100)]

    asyncio.run(scenario())


def test_a_failure_is_raised_after_the_lines() -> None:
    async def scenario() -> list[PullFrame]:
        progress = Progress("m:latest", asyncio.get_running_loop())
        progress.milestone(PullFrame("pulling manifest"))
        progress.fail(PullFailed("no"), "failed")
        seen: list[PullFrame] = []
        with pytest.raises(PullFailed, match="no"):
            async for item in progress.watch():
                seen.append(item)
        return seen

    assert asyncio.run(scenario()) == [PullFrame("pulling manifest")]


def test_a_watcher_that_leaves_is_forgotten() -> None:
    async def scenario() -> None:
        progress = Progress("m:latest", asyncio.get_running_loop())
        progress.milestone(PullFrame("pulling manifest"))
        watcher = asyncio.create_task(read_all(progress))
        await asyncio.sleep(0.01)
        watcher.cancel()
        await asyncio.wait([watcher])
        assert not progress._watchers
        progress.succeed()

    asyncio.run(scenario())


def test_progress_is_logged_every_ten_percent(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        progress = Progress("m:latest", asyncio.get_running_loop())
        progress.milestone(frame(0))
        for count in range(101):
            progress.advance(frame(count), fraction=count / 100, step="downloading")
        progress.succeed()

    with caplog.at_level(logging.INFO, "inference.catalog.progress"):
        asyncio.run(scenario())
    assert len(caplog.records) == 10
    assert caplog.records[0].getMessage() == "pull of m:latest: 10 %, downloading"
