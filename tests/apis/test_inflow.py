"""A body that is taken while it arrives: order, its end, and a connection that waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apis.inflow import MOST_WAITING_BYTES, Inflow
from apis.uploads import ClientGone, Upload, is_upload

PIECE = b"x" * 2**20


class FakeConnection:
    """What Twisted reads from; it notes whether it is being read."""

    def __init__(self) -> None:
        self.is_read = True

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's name
        assert self.is_read
        self.is_read = False

    def resumeProducing(self) -> None:  # noqa: N802
        assert not self.is_read
        self.is_read = True


async def test_the_connection_waits_while_the_application_is_behind() -> None:
    connection = FakeConnection()
    inflow = Inflow(connection)
    sent = 0
    while connection.is_read and sent < 64:
        inflow.feed(PIECE)
        sent += 1

    assert not connection.is_read
    assert sent * len(PIECE) > MOST_WAITING_BYTES
    taken = 0
    while not connection.is_read:
        await inflow.receive()
        taken += 1
    assert taken > sent // 2
    for _ in range(sent - taken):
        await inflow.receive()
    assert connection.is_read


async def test_the_application_reads_what_came_and_then_its_end() -> None:
    inflow = Inflow(FakeConnection())
    inflow.put_nowait({"type": "http.request", "body": b"", "more_body": False})  # daphne's
    inflow.feed(b"a")
    inflow.feed(b"b")
    inflow.end()

    assert [piece async for piece in Upload(inflow.receive).pieces()] == [b"a", b"b", b""]
    assert inflow.is_whole


async def test_the_application_is_told_that_the_client_left() -> None:
    inflow = Inflow(FakeConnection())
    inflow.feed(b"a")
    inflow.put_nowait({"type": "http.disconnect"})

    with pytest.raises(ClientGone):
        [piece async for piece in Upload(inflow.receive).pieces()]


def of(*messages: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    return receive


async def test_what_nobody_wants_is_read_up_to_a_bound() -> None:
    endless = {"type": "http.request", "body": PIECE, "more_body": True}
    small = Upload(of(endless, {"type": "http.request", "body": b"", "more_body": False}))
    large = Upload(of(*[endless] * 33))

    await small.drain()
    await small.drain()
    await large.drain()


@pytest.mark.parametrize(
    ("method", "path", "is_so"),
    [
        ("POST", "/api/blobs/sha256:0", True),
        ("HEAD", "/api/blobs/sha256:0", False),
        ("POST", "/api/blobs", False),
        ("POST", "/api/chat", False),
    ],
)
def test_only_files_come_in_this_way(method: str, path: str, is_so: bool) -> None:
    assert is_upload(method, path) is is_so
