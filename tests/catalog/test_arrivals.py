"""What is dropped into the import folder becomes a model by itself, once."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from inference.catalog.arrivals import Looks, Sight, look, settled
from inference.catalog.names import parse_name
from tests.catalog.served_jobs import read_all, rows, run

NEW, GROWN = Sight(10, 100.0), Sight(20, 101.0)


@pytest.mark.parametrize(
    ("seen", "before", "known", "expected"),
    [
        ({"a": NEW}, {}, {}, []),
        ({"a": NEW}, {"a": NEW}, {}, ["a"]),
        ({"a": GROWN}, {"a": NEW}, {}, []),
        ({"a": NEW}, {"a": NEW}, {"a": NEW}, []),
        ({"a": GROWN}, {"a": GROWN}, {"a": NEW}, ["a"]),
        ({}, {"a": NEW}, {}, []),
    ],
)
def test_a_place_has_arrived_when_two_looks_find_it_alike(
    seen: dict[str, Sight], before: dict[str, Sight], known: dict[str, Sight], expected: list[str]
) -> None:
    assert settled(seen, before, known) == expected


def test_a_look_sees_what_grows_and_nothing_hidden_or_linked(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    weights = tmp_path / "folder" / "deep" / "weights.bin"
    weights.write_bytes(b"1")
    (tmp_path / ".copying.gguf").write_bytes(b"1")
    (tmp_path / "linked.gguf").symlink_to(weights)

    first = look(tmp_path)
    weights.write_bytes(b"12")

    assert list(first) == ["folder"]
    assert look(tmp_path) != first
    assert look(tmp_path / "nowhere") == {}


async def two_looks(looks: Looks) -> None:
    await looks.look_again()
    await looks.look_again()


def drop(catalogue: Path, source: Path, name: str) -> Path:
    (catalogue / "import").mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source, catalogue / "import" / name))


def test_a_dropped_file_is_a_model_soon_and_does_not_come_back_when_that_is_deleted(
    catalogue: Path, tiny: Path
) -> None:
    from inference import library

    file = drop(catalogue, tiny, "Dropped.gguf")
    looks = Looks()

    async def arrive() -> None:
        await two_looks(looks)
        assert (await read_all("file:Dropped.gguf"))[-1].status == "success"
        assert await asyncio.to_thread(rows) == (
            {"dropped:latest": "ready"},
            {"dropped:latest": "done"},
        )
        await library.delete(parse_name("dropped"))
        await two_looks(looks)

    async def next_server() -> None:
        await two_looks(Looks())

    run(arrive)
    run(next_server)
    assert rows()[0] == {}

    file.write_bytes(tiny.read_bytes())  # the owner puts it there again

    async def again() -> None:
        await two_looks(looks)
        assert (await read_all("file:Dropped.gguf"))[-1].status == "success"

    run(again)
    assert rows()[0] == {"dropped:latest": "ready"}


def test_what_is_not_whole_waits_and_what_would_replace_a_model_too(
    catalogue: Path, tiny: Path
) -> None:
    from inference.models import Model

    Model.objects.create(
        name="mine:latest",
        status="ready",
        source="hub:me/mine@main",
        digest="a" * 64,
        family="llama",
    )
    drop(catalogue, tiny, "mine.gguf")
    half = drop(catalogue, tiny, "half.gguf")
    half.write_bytes(tiny.read_bytes()[:-100])
    (catalogue / "import" / "readme.txt").write_text("x")
    looks = Looks()

    async def nothing_begins() -> None:
        await two_looks(looks)

    run(nothing_begins)
    assert rows() == ({"mine:latest": "ready"}, {})

    half.write_bytes(tiny.read_bytes())

    async def the_rest_arrives() -> None:
        await two_looks(looks)
        assert (await read_all("file:half.gguf"))[-1].status == "success"

    run(the_rest_arrives)
    assert rows()[0] == {"mine:latest": "ready", "half:latest": "ready"}
