"""What the console has the server do: told to everybody, until somebody has read how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from inference.errors import NoDevice
from npuconsole.console.models.chores import (
    MOST_AT_ONCE,
    MOST_KEPT,
    ChoreBoard,
    ChoreFailed,
    Tell,
    TooManyChores,
)


def run(scenario: Callable[[ChoreBoard], Awaitable[None]]) -> None:
    async def with_board() -> None:
        board = ChoreBoard()
        try:
            await scenario(board)
        finally:
            await board.close()
            await settled()
            assert all(chore.state != "running" for chore in board.read())

    asyncio.run(with_board())


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def endless(tell: Tell) -> str:
    tell("Reading", 0.25)
    await asyncio.Event().wait()
    return ""


async def nothing_to_say(tell: Tell) -> str:
    return ""


def ending(words: str = "", error: Exception | None = None) -> Callable[[Tell], Awaitable[str]]:
    async def work(tell: Tell) -> str:
        if error is not None:
            raise error
        return words

    return work


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ("Whole.", None, ("done", "Whole.")),
        ("", ChoreFailed("Damaged: a.bin."), ("failed", "Damaged: a.bin.")),
        ("", NoDevice("there is no device X"), ("failed", "There is no device X.")),
        ("", NoDevice("a:1b cannot be loaded"), ("failed", "a:1b cannot be loaded")),
        ("", KeyError("secret"), ("failed", "It failed for a reason that is in the log.")),
    ],
)
def test_how_it_ended_is_told_until_it_is_dismissed(
    words: str, error: Exception | None, told: tuple[str, str]
) -> None:
    async def scenario(board: ChoreBoard) -> None:
        chore = board.start("verify", "a:1b", ending(words, error))
        await settled()
        assert [(one.state, one.words) for one in board.read()] == [told]
        board.dismiss(chore.id)
        assert board.read() == ()

    run(scenario)


def test_what_can_be_seen_anyway_leaves_nothing_to_read() -> None:
    async def scenario(board: ChoreBoard) -> None:
        board.start("load", "a:1b", nothing_to_say, device="CPU")
        await settled()
        assert board.read() == ()

    run(scenario)


def test_the_same_chore_is_done_once_and_tells_how_far_it_is() -> None:
    async def scenario(board: ChoreBoard) -> None:
        first = board.start("verify", "a:1b", endless)
        assert board.start("verify", "a:1b", endless).id == first.id
        assert board.start("verify", "b:1b", endless).id != first.id
        await settled()
        assert [(one.words, one.fraction) for one in board.read()] == [("Reading", 0.25)] * 2
        board.dismiss(first.id)
        assert len(board.read()) == 2, "one that is under way cannot be dismissed"
        await board.stop(first.id)
        assert [one.model for one in board.read()] == ["b:1b"]

    run(scenario)


def test_there_are_never_too_many() -> None:
    async def scenario(board: ChoreBoard) -> None:
        for number in range(MOST_KEPT + 5):
            board.start("verify", f"{number}:1b", ending("Whole."))
            await settled()
        assert len(board.read()) <= MOST_KEPT
        for number in range(MOST_AT_ONCE):
            board.start("load", f"{number}:1b", endless)
        with pytest.raises(TooManyChores):
            board.start("load", "one more", endless)

    run(scenario)
