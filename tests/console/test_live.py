"""The producer of pictures and its watchers, with a picture that the test moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from npuconsole.console import live
from npuconsole.console.live import Producer, Watcher
from npuconsole.console.state import Picture
from tests.console.facts import NOW, draw


class Machine:
    """A picture that can be changed."""

    def __init__(self) -> None:
        self.picture: Picture = draw()
        self.reads = 0

    def read(self) -> Picture:
        self.reads += 1
        return self.picture

    def change(self) -> None:
        self.picture = replace(self.picture, running=self.picture.running + 1)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(live, "QUIET_INTERVAL_SECONDS", 60.0)


async def next_picture(watcher: Watcher, *, confirm: bool = True) -> dict[str, object]:
    frame = orjson.loads(await asyncio.wait_for(watcher.next_frame(), 1))
    if confirm:
        watcher.confirm(frame["number"])
    return dict(frame["picture"])


async def test_a_watcher_gets_a_picture_at_once_and_then_each_change() -> None:
    machine = Machine()
    producer, watcher = Producer(machine.read), Watcher()
    producer.add(watcher)
    assert (await next_picture(watcher))["running"] == 0
    await next_picture(watcher)  # the producer's own first look
    machine.change()
    assert (await next_picture(watcher))["running"] == 1
    producer.remove(watcher)


async def test_an_unchanged_picture_is_not_sent_again() -> None:
    machine = Machine()
    producer, watcher = Producer(machine.read), Watcher()
    producer.add(watcher)
    await next_picture(watcher)
    await next_picture(watcher)
    machine.picture = draw(at=NOW + timedelta(seconds=5))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.next_frame(), 0.1)
    producer.remove(watcher)


async def test_an_unchanged_picture_is_still_a_sign_of_life_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "QUIET_INTERVAL_SECONDS", 0.05)
    producer, watcher = Producer(Machine().read), Watcher()
    producer.add(watcher)
    for _ in range(4):
        await next_picture(watcher)
    producer.remove(watcher)


async def test_a_watcher_that_does_not_confirm_is_sent_no_more_and_then_only_the_latest() -> None:
    machine = Machine()
    producer, watcher = Producer(machine.read), Watcher()
    producer.add(watcher)
    for _ in range(live.UNSEEN_ALLOWED):
        machine.change()
        await next_picture(watcher, confirm=False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.next_frame(), 0.1)
    for _ in range(5):
        machine.change()
        await asyncio.sleep(0.03)
    watcher.confirm(10**6)
    assert (await next_picture(watcher))["running"] == machine.picture.running
    producer.remove(watcher)


async def test_nothing_is_read_while_nobody_watches() -> None:
    machine = Machine()
    producer, one, two = Producer(machine.read), Watcher(), Watcher()
    producer.add(one)
    producer.add(two)
    producer.remove(one)
    await next_picture(two)
    producer.remove(two)
    producer.remove(two)
    await asyncio.sleep(0.03)
    reads = machine.reads
    await asyncio.sleep(0.05)
    assert machine.reads == reads


async def test_a_picture_that_cannot_be_drawn_does_not_end_the_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    producer, watcher = Producer(machine.read), Watcher()
    producer.add(watcher)
    await next_picture(watcher)
    good, machine.picture = machine.picture, None  # type: ignore[assignment]
    producer._read = lambda: 1 / 0  # type: ignore[assignment, return-value]
    await asyncio.sleep(0.05)
    producer._read = machine.read
    machine.picture = replace(good, queued=3)
    assert (await next_picture(watcher))["queued"] == 3
    assert "could not be drawn" in caplog.text
    producer.remove(watcher)
