"""`python -m benchmarks.pull_speed`: how fast a pull is, and what it costs those who are answered.

A hub on loopback, in a process of its own, offers 50 files of 200 MB in all. In turn the hub's own
client (`snapshot_download` into a folder, eight files at a time) and the server fetch them, each
counted from its first question to the end: a process for the client, `POST /api/pull` to "success"
for the server, verification and publication included. Goal: at least 0.8 of the client's speed.

Then one stream is timed alone and while a model is pulled over a line of a given speed, in turn.
Goal: the 99th percentile of the time between two tokens grows by a fifth at most. Exit code 1 when
one of them is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from benchmarks import client, processes
from benchmarks.appliance import Appliance
from benchmarks.prompts import Prompt, PromptMaker
from benchmarks.traces import gaps, median_ratio, percentile
from tests.appliance_process import STARTER, copy_home, make_starter_home
from tests.catalog.exports import write_export

LEAST_SPEED = 0.8
MOST_GAP = 1.2
CONNECTIONS = 8
PROMPT_TOKENS = 64
_HUB = """
import os, sys
from pathlib import Path
from tests.catalog.loopback_hub import LoopbackHub
if hasattr(os, "nice"):
    os.nice(10)  # in life it is another machine
folder, count, pace = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
hub = LoopbackHub({f"someone/round-{number}": folder for number in range(count)})
for path in folder.iterdir():
    hub.sha256_of(path)
hub.misbehaviour.bytes_per_second = pace
print(hub.url, flush=True)
sys.stdin.read()
"""
_PLAIN_CLIENT = """
import sys
from huggingface_hub import snapshot_download
snapshot_download(sys.argv[1], local_dir=sys.argv[2], max_workers=8)
"""


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pull_speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--line", type=int, default=100, help="MB/s of the pull beside a stream")
    parser.add_argument("--only", choices=("speed", "gaps"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="npuconsole-pulls-") as folder:
        return asyncio.run(run(Path(folder), asked))


async def run(root: Path, asked: argparse.Namespace) -> int:
    """The whole of it in `root`; the exit code."""
    home = copy_home(make_starter_home(), root / "home")
    (starter,) = (home / "models" / "installed").iterdir()
    size_bytes = asked.megabytes * 10**6
    export = write_export(
        root / "export", starter, files=asked.files, size_bytes=size_bytes, seed=1
    )
    is_met = True
    if asked.only != "gaps":
        is_met &= await _speeds(root, home, export, asked) >= LEAST_SPEED
    if asked.only != "speed":
        prompts = PromptMaker(starter, seed=1)
        is_met &= await _gaps(root, home, export, prompts, asked) <= MOST_GAP
    print(f"goals: speed >= {LEAST_SPEED}, gap <= {MOST_GAP}: {'met' if is_met else 'MISSED'}")
    return 0 if is_met else 1


async def _speeds(root: Path, home: Path, export: Path, asked: argparse.Namespace) -> float:
    plain: list[float] = []
    ours: list[float] = []
    with _hub(export, asked.rounds, pace=0) as url:
        variables = {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": "", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        appliance = Appliance(home, STARTER, "CPU", root / "log", variables)
        await appliance.start()
        try:
            await client.wait_until_ok(appliance.address, "/health", 60)
            for number in range(asked.rounds):
                name = f"someone/round-{number}"
                command = [sys.executable, "-c", _PLAIN_CLIENT, name, str(root / "plain")]
                for is_ours in (number % 2 == 0, number % 2 == 1):  # who is first changes
                    begun = time.perf_counter()
                    if is_ours:
                        await _pull(appliance, name)
                    else:
                        subprocess.run(command, env={**os.environ, **variables}, check=True)
                    (ours if is_ours else plain).append(time.perf_counter() - begun)
                shutil.rmtree(root / "plain")
        finally:
            await appliance.stop()
    ratio = median_ratio(plain, ours)
    for who, took in (("the hub's client", plain), ("a pull", ours)):
        print(f"{who}: {asked.megabytes / median(took):,.0f} MB/s ({median(took):.2f} s)")
    print(f"speed of a pull by the client's: {ratio:.2f}", flush=True)
    return ratio


async def _gaps(
    root: Path, home: Path, export: Path, prompts: PromptMaker, asked: argparse.Namespace
) -> float:
    alone, beside = [], []
    pace = asked.line * 10**6 // CONNECTIONS
    with _hub(export, 100, pace) as url:
        variables = {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": ""}
        appliance = Appliance(home, STARTER, "CPU", root / "log", variables)
        await appliance.start()
        try:
            await appliance.first_token(prompts.make(PROMPT_TOKENS))
            pulled = 0
            for number in range(-1, asked.rounds):  # the first round warms up
                quiet = await _gap(appliance, prompts.make(PROMPT_TOKENS), asked.tokens)
                pulls = asyncio.create_task(_pull_on(appliance, pulled))
                await asyncio.sleep(1.5)  # the first one has begun to download
                loud = await _gap(appliance, prompts.make(PROMPT_TOKENS), asked.tokens)
                pulls.cancel()
                pulled = await pulls
                if number >= 0:
                    alone.append(quiet)
                    beside.append(loud)
        finally:
            await appliance.stop()
    ratio = median_ratio(beside, alone)
    print(
        f"between two tokens, 99th percentile: {median(alone) * 1000:.2f} ms alone, "
        f"{median(beside) * 1000:.2f} ms beside a pull of {asked.line} MB/s: {ratio:.2f}"
    )
    return ratio


async def _gap(appliance: Appliance, prompt: Prompt, tokens: int) -> float:
    return percentile(gaps(await appliance.generate([prompt], tokens)), 0.99)


async def _pull_on(appliance: Appliance, first: int) -> int:
    """Pull one model after the other until cancelled, then finish; the number of the next."""
    number = first
    while True:
        pull = asyncio.create_task(_pull(appliance, f"someone/round-{number}"))
        number += 1
        try:
            await asyncio.shield(pull)
        except asyncio.CancelledError:
            await pull
            return number


async def _pull(appliance: Appliance, name: str) -> None:
    """Pull it and delete it again, which is not worth measuring."""
    address = f"http://{appliance.address.host}:{appliance.address.port}"
    async with httpx.AsyncClient(base_url=address, timeout=600, trust_env=False) as http:
        answer = await http.post("/api/pull", json={"model": name, "stream": False})
        answer.raise_for_status()
        await http.request("DELETE", "/api/delete", json={"model": name})


@contextmanager
def _hub(export: Path, count: int, pace: int) -> Iterator[str]:
    """Such a hub with that many names for one repository; `pace` is bytes per second and file."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HUB, str(export), str(count), str(pace)],
        cwd=processes.PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        processes.end(process)


if __name__ == "__main__":
    sys.exit(main())
