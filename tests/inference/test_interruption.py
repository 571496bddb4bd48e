"""A request that is ended from outside, at every point at which it can be."""

from __future__ import annotations

import asyncio

import pytest

from inference.errors import RequestCancelled
from inference.interruption import Interruption


async def wait_in(interruption: Interruption, ready: asyncio.Event) -> str:
    """A request that waits for ever."""
    try:
        with interruption:
            ready.set()
            await asyncio.Event().wait()
    except RequestCancelled as error:
        return str(error)
    return "ended"


async def test_a_wait_ends_at_once_with_the_error() -> None:
    interruption, ready = Interruption(), asyncio.Event()
    waiting = asyncio.create_task(wait_in(interruption, ready))
    await ready.wait()

    interruption.interrupt(RequestCancelled())
    interruption.interrupt(RequestCancelled())

    assert await asyncio.wait_for(waiting, 1) == str(RequestCancelled())
    assert waiting.cancelling() == 0


async def test_a_wait_that_would_have_ended_in_the_same_moment_ends_with_the_error_too() -> None:
    interruption, done = Interruption(), asyncio.get_running_loop().create_future()

    async def wait() -> None:
        with interruption:
            await done

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    done.set_result(None)
    interruption.interrupt(RequestCancelled())

    with pytest.raises(RequestCancelled):
        await waiting


async def test_between_two_waits_all_is_freed_at_once_and_the_next_wait_does_not_begin() -> None:
    interruption = Interruption()
    freed: list[str] = []
    interruption.free = lambda: freed.append("engine")
    with interruption:
        pass

    interruption.interrupt(RequestCancelled())

    assert freed == ["engine"]
    with pytest.raises(RequestCancelled), interruption:
        pytest.fail("the wait began")


async def test_a_client_that_leaves_in_the_same_moment_has_its_way() -> None:
    interruption, ready = Interruption(), asyncio.Event()
    waiting = asyncio.create_task(wait_in(interruption, ready))
    await ready.wait()

    interruption.interrupt(RequestCancelled())
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_other_errors_and_other_cancels_pass_through() -> None:
    interruption, ready = Interruption(), asyncio.Event()
    with pytest.raises(KeyError), interruption:
        raise KeyError
    waiting = asyncio.create_task(wait_in(interruption, ready))
    await ready.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
