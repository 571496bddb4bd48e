"""The benchmark's consoles are real ones to the server: they get pictures and confirm them."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.client import Address
from benchmarks.dashboards import frame_of, number_of, read_frame, watching
from tests.appliance_process import Appliance


async def test_consoles_go_on_getting_pictures(server: Appliance) -> None:
    async with watching(Address("127.0.0.1", server.port), 2) as dashboards:
        # More than the server sends to one that confirms nothing.
        async with asyncio.timeout(30):
            while min(one.pictures for one in dashboards) < 4:
                await asyncio.sleep(0.05)
    assert all(one.received_bytes > 1000 for one in dashboards)


@pytest.mark.parametrize("size", [0, 5, 125, 126, 70_000])
async def test_frames_are_read_as_the_protocol_says(size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    long = size.to_bytes(8) if size > 65_535 else size.to_bytes(2)
    head = (
        bytes((0x81, size)) if size < 126 else bytes((0x81, 126 if size < 65_536 else 127)) + long
    )
    reader = asyncio.StreamReader()
    reader.feed_data(head + payload)
    assert await read_frame(reader) == (1, payload)


def test_frames_of_a_client_are_masked() -> None:
    frame = frame_of(1, b"seen")
    mask, masked = frame[2:6], frame[6:]
    assert frame[:2] == bytes((0x81, 0x84))
    assert bytes(byte ^ mask[at] for at, byte in enumerate(masked)) == b"seen"


def test_a_pictures_number_is_found_without_parsing_it() -> None:
    assert number_of(b'{"type":"picture","number":417,"picture":{"number":3}}') == 417
