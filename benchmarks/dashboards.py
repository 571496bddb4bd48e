"""`python -m benchmarks.dashboards`: what open consoles cost the answers.

Eight streams decode, with twenty consoles watching and with none, in turn; the ratio of both rates
is taken round by round. The server's processor time tells the same on a machine that is busy with
other things. Exit code 1 when the consoles cost more than the goal allows.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.appliance import Appliance
from benchmarks.client import Address
from benchmarks.prompts import PromptMaker
from benchmarks.targets import CannotMeasure
from benchmarks.traces import decode_rate, median_ratio

MODEL = "smollm2:135m"
STREAMS = 8
PROMPT_TOKENS = 24
GOAL = 0.95
PATH = "/console/live"
_NUMBER = b'"number":'


@dataclass(slots=True)
class Dashboard:
    """One console as the server sees it: it takes every picture and confirms it, and looks at none.
    Bytes are those of the pictures."""

    pictures: int = 0
    received_bytes: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def open(self, address: Address) -> None:
        """Connect; returns with the first picture. Raises CannotMeasure, OSError."""
        reader, writer = await asyncio.open_connection(address.host, address.port)
        key = base64.b64encode(os.urandom(16)).decode()
        host = f"{address.host}:{address.port}"
        head = (
            f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        )
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise CannotMeasure(f"the console's line was refused: {answer[:80]!r}")
        await self._take_one(reader, writer)
        self.task = asyncio.create_task(self._take_all(reader, writer))

    async def close(self) -> None:
        """Leave."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _take_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._take_one(reader, writer)
        finally:
            writer.close()

    async def _take_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, payload = await read_frame(reader)
        if kind == 9:  # a ping wants its pong
            writer.write(frame_of(10, payload))
        elif kind == 8:
            raise CannotMeasure("the server closed a console's line")
        elif kind == 1:
            self.pictures += 1
            self.received_bytes += len(payload)
            writer.write(frame_of(1, json.dumps({"seen": number_of(payload)}).encode()))


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next websocket frame of a server: its kind (RFC 6455) and payload."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2))
    elif length == 127:
        length = int.from_bytes(await reader.readexactly(8))
    return first & 0x0F, await reader.readexactly(length)


def frame_of(kind: int, payload: bytes) -> bytes:
    """A client's frame with a payload of at most 125 bytes, masked as the protocol demands."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes((0x80 | kind, 0x80 | len(payload))) + mask + masked


def number_of(picture: bytes) -> int:
    """The number near the beginning of a picture's frame; the rest is not parsed."""
    at = picture.index(_NUMBER) + len(_NUMBER)
    return int(picture[at : picture.index(b",", at)])


@asynccontextmanager
async def watching(address: Address, count: int) -> AsyncIterator[list[Dashboard]]:
    """That many consoles, all with their first picture."""
    dashboards = [Dashboard() for _ in range(count)]
    async with AsyncExitStack() as stack:
        for dashboard in dashboards:
            stack.push_async_callback(dashboard.close)
            await dashboard.open(address)
        yield dashboards


async def measure(appliance: Appliance, arguments: argparse.Namespace) -> float:
    """The median of the rounds' ratios. Prints a line per round."""
    maker = PromptMaker(next((appliance.home / "models" / "installed").iterdir()), seed=7)
    with_them: list[float] = []
    without: list[float] = []
    shares: dict[bool, list[float]] = {True: [], False: []}

    async def rate(*, is_watched: bool) -> float:
        prompts = maker.make_many(STREAMS, PROMPT_TOKENS)
        used, began = server_seconds(appliance), time.perf_counter()
        traces = await appliance.generate(prompts, arguments.tokens)
        took = time.perf_counter() - began
        shares[is_watched].append((server_seconds(appliance) - used) / took)
        return decode_rate(traces)

    await rate(is_watched=False)  # warm
    shares[False].clear()
    for number in range(arguments.rounds):
        pictures = size = 0
        for is_watched in (True, False) if number % 2 else (False, True):
            if not is_watched:
                without.append(await rate(is_watched=False))
                continue
            async with watching(appliance.address, arguments.dashboards) as dashboards:
                with_them.append(await rate(is_watched=True))
            pictures = sum(dashboard.pictures for dashboard in dashboards)
            size = sum(dashboard.received_bytes for dashboard in dashboards)
        print(
            f"round {number + 1}: {with_them[-1]:.1f} tok/s watched, {without[-1]:.1f} alone, "
            f"ratio {with_them[-1] / without[-1]:.3f}; {pictures} pictures of "
            f"{size / max(1, pictures) / 1000:.1f} kB",
            flush=True,
        )
    watched, alone = median(shares[True]), median(shares[False])
    print(
        f"the server's share of one processor: {watched:.1%} watched, {alone:.1%} alone; the "
        f"consoles' part of all processors: {(watched - alone) / (os.cpu_count() or 1):.1%}"
    )
    return median_ratio(with_them, without)


def server_seconds(appliance: Appliance) -> float:
    """Processor time that the server used so far, without its engines."""
    return next(part.cpu_seconds for part in appliance.parts() if part.role == "server")


async def _run(arguments: argparse.Namespace, folder: Path) -> float:
    home = arguments.home or folder / "home"
    appliance = Appliance(home, MODEL, "CPU", folder / "log")
    if arguments.home is None:
        await appliance.install()
    await appliance.start()
    try:
        maker = PromptMaker(next((home / "models" / "installed").iterdir()), seed=1)
        await appliance.first_token(maker.make(PROMPT_TOKENS))
        return await measure(appliance, arguments)
    finally:
        await appliance.stop()


def main() -> None:
    """Run it, and exit with 1 when the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboards", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=256, help="of each answer")
    parser.add_argument("--dashboards", type=int, default=20)
    parser.add_argument("--home", type=Path, help="a data folder with the starter, not in use")
    arguments = parser.parse_args()
    if machine.is_busy():
        print("The machine is busy with other things: figures will be rough.")
    with tempfile.TemporaryDirectory(prefix="npuconsole-dashboards-") as folder:
        ratio = asyncio.run(_run(arguments, Path(folder)))
    is_met = ratio >= GOAL
    print(
        f"{arguments.dashboards} consoles: {ratio:.3f} of the rate without (median), goal {GOAL}: "
        f"{'met' if is_met else 'MISSED'}"
    )
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
