"""The benchmark's HTTP client, against servers that cut their answers anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from benchmarks.client import Address, Refused, as_trace, poll, stream

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FRAMES = (b'{"response":"a"}\n', b'{"response":""}\n', b'{"response":"b","done":true}\n')


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def answer_with(pieces: Sequence[bytes], pause: float = 0.01) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


def address_of(server: asyncio.Server) -> Address:
    return Address("127.0.0.1", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize("cut", [1, 7, 19, 40, 10_000])
async def test_frames_are_found_wherever_the_bytes_are_cut(cut: int) -> None:
    whole = HEAD + b"".join(chunk(frame) for frame in FRAMES) + b"0\r\n\r\n"
    pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    async with await answer_with(pieces, 0.0) as server:
        answer = await stream(address_of(server), "/", {})

    assert [frame["response"] for _, frame in answer.frames] == ["a", "", "b"]
    times = [at for at, _ in answer.frames]
    assert times == sorted(times)


async def test_a_frame_has_the_time_of_its_last_byte() -> None:
    first, second = chunk(FRAMES[0]), chunk(FRAMES[2])
    async with await answer_with([HEAD + first + second[:9], second[9:]], 0.1) as server:
        answer = await stream(address_of(server), "/", {})

    (one, _), (two, _) = answer.frames
    assert two - one > 0.08


async def test_frames_without_text_carry_no_token() -> None:
    whole = HEAD + b"".join(chunk(frame) for frame in FRAMES) + b"0\r\n\r\n"
    async with await answer_with([whole]) as server:
        answer = await stream(address_of(server), "/", {})

    trace = as_trace(answer, text_field="response", tokens=3, prompt_tokens=5)
    assert len(trace.arrivals) == 2
    assert trace.ended == answer.frames[-1][0]


async def test_server_sent_events_are_frames_too() -> None:
    whole = HEAD + chunk(b'data: {"content":"a"}\n\ndata: [DONE]\n\n') + b"0\r\n\r\n"
    async with await answer_with([whole]) as server:
        answer = await stream(address_of(server), "/", {})

    assert [frame for _, frame in answer.frames] == [{"content": "a"}]


async def test_a_refusal_carries_its_status() -> None:
    whole = b'HTTP/1.1 503 Busy\r\nContent-Length: 16\r\n\r\n{"error":"busy"}'
    async with await answer_with([whole]) as server:
        with pytest.raises(Refused) as refused:
            await stream(address_of(server), "/", {})

    assert refused.value.status == 503


async def test_polling_goes_on_when_the_server_ends_a_kept_connection() -> None:
    async with await answer_with([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], 0) as server:
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, done.set)
        took = await poll(address_of(server), "/", 0.01, done)

    assert len(took) > 2
