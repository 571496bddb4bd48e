"""An HTTP client that only looks at the clock while tokens come, and reads what came afterwards.

It shares the machine with what it measures. So a response is kept as raw bytes with arrival times
(2 µs per read) and parsed when the run is over.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.traces import Trace

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 300.0
RETRY_SECONDS = 0.01


class Refused(Exception):
    """The target answered, but not with a stream; the text says with what."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"HTTP {status}: {body[:300]}")
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response. `frames` are its JSON objects (NDJSON lines or SSE data) with the time at
    which the last byte of each arrived; `started` is when the request was written. Names of
    `headers` are in small letters."""

    started: float
    frames: tuple[tuple[float, dict[str, Any]], ...]
    headers: Mapping[str, str] = field(default_factory=dict)


class _Recorder(asyncio.Protocol):
    """Keeps every read with its time until the server closes the connection."""

    def __init__(self) -> None:
        self.reads: list[tuple[float, bytes]] = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.perf_counter(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def encode_request(method: str, path: str, body: Mapping[str, Any] | None, *, close: bool) -> bytes:
    """The bytes of one request; prepared before the clock runs."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
        f"Connection: {'close' if close else 'keep-alive'}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


async def stream(address: Address, path: str, body: Mapping[str, Any]) -> Answer:
    """POST `body` and read the streamed answer to its end. It is sent once connected.

    Raises Refused when the status is not 200, OSError when nobody listens, TimeoutError.
    """
    request = encode_request("POST", path, body, close=True)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_SECONDS):
        transport, recorder = await loop.create_connection(_Recorder, address.host, address.port)
    try:
        started = time.perf_counter()
        transport.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            await recorder.closed
    finally:
        transport.close()
    return _read_answer(started, recorder.reads)


async def get(address: Address, path: str) -> tuple[int, bytes]:
    """One GET: status and body. Raises OSError, TimeoutError."""
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            writer.write(encode_request("GET", path, None, close=True))
            data = await reader.read(-1)
        finally:
            writer.close()
    status, body = _split_head(data)
    return status, body


async def wait_until_ok(address: Address, path: str, timeout_seconds: float) -> float:
    """`time.perf_counter()` of the first 200 for a GET of `path`. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            try:
                status, _ = await get(address, path)
                if status == 200:
                    return time.perf_counter()
            except (OSError, EOFError):
                pass  # not listening yet
            await asyncio.sleep(RETRY_SECONDS)


async def poll(
    address: Address, path: str, pause_seconds: float, done: asyncio.Event
) -> list[float]:
    """GET again and again over a kept connection until `done`; the seconds each answer took."""
    request = encode_request("GET", path, None, close=False)
    took: list[float] = []
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        while not done.is_set():
            began = time.perf_counter()
            writer.write(request)
            try:
                await _skip_response(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                # llama-server closes a connection after a hundred requests.
                writer.close()
                reader, writer = await asyncio.open_connection(address.host, address.port)
                continue
            took.append(time.perf_counter() - began)
            await asyncio.sleep(pause_seconds)
    finally:
        writer.close()
    return took


def as_trace(answer: Answer, *, text_field: str, tokens: int, prompt_tokens: int) -> Trace:
    """The answer on the clock. Frames without text carry no token, but the last one ends it."""
    arrivals = tuple(at for at, frame in answer.frames if frame.get(text_field))
    ended = answer.frames[-1][0]
    return Trace(answer.started, arrivals or (ended,), ended, tokens, prompt_tokens)


async def _skip_response(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        await reader.readuntil(b"0\r\n\r\n")
        return
    length = next(
        int(line.split(b":")[1]) for line in lowered.split(b"\r\n") if b"content-length" in line
    )
    await reader.readexactly(length)


def _read_answer(started: float, reads: list[tuple[float, bytes]]) -> Answer:
    whole = b"".join(data for _, data in reads)
    status, body = _split_head(whole)
    if status != 200:
        raise Refused(status, body.decode("utf-8", "replace"), _headers(whole))
    ends: list[tuple[int, float]] = []  # how many bytes had come, when
    total = 0
    for at, data in reads:
        total += len(data)
        ends.append((total, at))
    frames: list[tuple[float, dict[str, Any]]] = []
    next_read = 0
    for end, line in _lines(whole):
        text = line.removeprefix(b"data: ").strip()
        if not text.startswith(b"{"):
            continue
        while ends[next_read][0] < end:
            next_read += 1
        frames.append((ends[next_read][1], json.loads(text)))
    if not frames:
        raise Refused(status, "a stream without a frame")
    return Answer(started, tuple(frames), _headers(whole))


def _lines(whole: bytes) -> list[tuple[int, bytes]]:
    """The body's lines, each with the position in `whole` at which it was complete."""
    head_end = whole.index(b"\r\n\r\n") + 4
    if b"transfer-encoding: chunked" not in whole[:head_end].lower():
        pieces = [(head_end, whole[head_end:])]
    else:
        pieces = _chunks(whole, head_end)
    found: list[tuple[int, bytes]] = []
    held = b""
    for start, piece in pieces:
        offset = 0
        while (at := piece.find(b"\n", offset)) >= 0:
            found.append((start + at + 1, held + piece[offset:at]))
            held, offset = b"", at + 1
        held += piece[offset:]
    if held.strip():
        found.append((len(whole), held))
    return found


def _chunks(whole: bytes, position: int) -> list[tuple[int, bytes]]:
    """The chunks of a chunked body, each with its position in `whole`."""
    found: list[tuple[int, bytes]] = []
    while position < len(whole):
        line_end = whole.find(b"\r\n", position)
        if line_end < 0:
            break
        size = int(whole[position:line_end].split(b";")[0], 16)
        if size == 0:
            break
        found.append((line_end + 2, whole[line_end + 2 : line_end + 2 + size]))
        position = line_end + 2 + size + 2
    return found


def _headers(whole: bytes) -> dict[str, str]:
    lines = whole.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _split_head(data: bytes) -> tuple[int, bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ConnectionError("the connection ended before an answer came")
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(piece for _, piece in _chunks(data, len(head) + 4))
    return int(head.split(b" ", 2)[1]), body
