"""`python -m benchmarks.failover`: what an engine that dies before the first token costs.

Two engines are loaded. The first one is made to hang, gets a request, and is killed; the time from
the kill to the first token on the second engine is set beside that engine's own time to first
token. The difference is the failover's.

Both requests have prompts of the same number of tokens and meet an engine that was idle for as
long: OpenVINO compiles for every new length of a prompt when it first comes, about 0.1 s on the
CPU, and that is not what is measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import client, processes
from benchmarks.appliance import Appliance
from benchmarks.chaos import DEVICES, MODEL, wait_for_both

IDLE_SECONDS = 0.5


async def _first_token(appliance: Appliance, device: str, number: int) -> float:
    """`time.perf_counter()` of the first frame. Numbers of three digits give prompts of the same
    length, none of which is known to the prefix cache."""
    body = {
        "model": f"{MODEL}@{device.lower()}",
        "prompt": f"Number {number}:",
        "raw": True,
        "keep_alive": -1,
        "options": {"num_predict": 2, "temperature": 0},
    }
    answer = await client.stream(appliance.address, "/api/generate", body)
    return answer.frames[0][0]


async def _engine(appliance: Appliance, device: str) -> psutil.Process:
    _, body = await client.get(appliance.address, "/api/ps")
    (model,) = json.loads(body)["models"]
    (pid,) = [engine["pid"] for engine in model["engines"] if engine["device"] == device]
    return psutil.Process(pid)


async def _run(arguments: argparse.Namespace, folder: Path) -> list[tuple[float, float]]:
    home = arguments.home or folder / "home"
    variables = {"NPUCONSOLE_EMULATE_GPU": "1"}
    appliance = Appliance(home, MODEL, "GPU", folder / "log", variables)
    if arguments.home is None:
        await appliance.install()
    command = [sys.executable, "-m", "benchmarks.chaos_rows", MODEL, *DEVICES]
    subprocess.run(command, env=appliance.environment, cwd=processes.PROJECT_ROOT, check=True)
    pairs = []
    for number in range(arguments.rounds):
        # A server of its own for each: a pair that dies again is in quarantine, and asked last.
        await appliance.start()
        try:
            await client.wait_until_ok(appliance.address, "/health", 60)
            await wait_for_both(appliance)
            for warm in range(3):
                await _first_token(appliance, "CPU", 100 + warm)
            await asyncio.sleep(IDLE_SECONDS)
            began = time.perf_counter()
            plain = await _first_token(appliance, "CPU", 200 + number) - began
            victim = await _engine(appliance, "GPU")
            victim.suspend()
            asking = asyncio.create_task(_first_token(appliance, "GPU", 300 + number))
            await asyncio.sleep(IDLE_SECONDS)
            killed = time.perf_counter()
            victim.kill()
            pairs.append((plain, await asking - killed))
        finally:
            await appliance.stop()
    return pairs


def main() -> None:
    """Print the medians in milliseconds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--home", type=Path, help="a data folder with the starter, not in use")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="npuconsole-failover-") as folder:
        pairs = asyncio.run(_run(arguments, Path(folder)))
    plain = statistics.median(one for one, _ in pairs) * 1000
    added = statistics.median(after - before for before, after in pairs) * 1000
    print(f"time to first token on the second engine: {plain:.0f} ms")
    print(f"from the kill to the first token: {added:+.0f} ms more")


if __name__ == "__main__":
    main()
