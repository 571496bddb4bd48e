"""`python -m benchmarks.grammars`: what holding answers to a grammar costs of the decode speed.

Free and held answers of the same number of tokens take turns, alone and eight at a time; a held one
is a JSON list of people that cannot end before the last token. The ratio is taken within rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import client
from benchmarks.appliance import Appliance
from benchmarks.client import Address

MODEL = "smollm2:135m"
STREAMS = (1, 8)
LEAST_SHARE = 0.85
_PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 5, "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "mood": {"enum": ["happy", "sad", "angry"]},
        "note": {"type": "string", "maxLength": 120},
    },
    "required": ["name", "age", "mood", "note"],
    "additionalProperties": False,
}
SCHEMA = {"type": "array", "items": _PERSON, "minItems": 200}


async def _speed(address: Address, streams: int, tokens: int, *, is_held: bool) -> float:
    """Tokens per second of all streams together, between the first and the last token."""

    async def one(number: int) -> tuple[float, float, int]:
        body: dict[str, Any] = {
            "model": MODEL,
            "messages": [{"role": "user", "content": f"List the people of town {number}."}],
            "options": {"num_predict": tokens, "temperature": 0, "ignore_eos": not is_held},
        }
        if is_held:
            body["format"] = SCHEMA
        answer = await client.stream(address, "/api/chat", body)
        last_at, last = answer.frames[-1]
        return answer.frames[0][0], last_at, int(last["eval_count"])

    parts = await asyncio.gather(*(one(number) for number in range(streams)))
    began = min(first for first, _, _ in parts)
    ended = max(last for _, last, _ in parts)
    return sum(count for _, _, count in parts) / (ended - began)


async def _run(arguments: argparse.Namespace, folder: Path) -> dict[int, list[tuple[float, float]]]:
    home = arguments.home or folder / "home"
    appliance = Appliance(home, MODEL, "CPU", folder / "log")
    if arguments.home is None:
        await appliance.install()
    await appliance.start()
    pairs: dict[int, list[tuple[float, float]]] = {streams: [] for streams in STREAMS}
    try:
        await client.wait_until_ok(appliance.address, "/health", 60)
        for streams in STREAMS:  # loading, compiling grammars, new lengths of prompts
            for is_held in (False, True):
                await _speed(appliance.address, streams, 8, is_held=is_held)
        for number in range(arguments.rounds):
            for streams in STREAMS:
                speeds = {}
                for is_held in (number % 2 == 0, number % 2 != 0):
                    speeds[is_held] = await _speed(
                        appliance.address, streams, arguments.tokens, is_held=is_held
                    )
                pairs[streams].append((speeds[False], speeds[True]))
    finally:
        await appliance.stop()
    return pairs


def main() -> None:
    """Print medians; exit code 1 when the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grammars", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=192)
    parser.add_argument("--home", type=Path, help="a data folder with the starter, not in use")
    arguments = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="npuconsole-grammars-") as folder:
        pairs = asyncio.run(_run(arguments, Path(folder)))
    is_met = True
    for streams, found in pairs.items():
        free = statistics.median(free for free, _ in found)
        held = statistics.median(held for _, held in found)
        share = statistics.median(held / free for free, held in found)
        is_met = is_met and share >= LEAST_SHARE
        print(f"{streams} streams: free {free:.1f} tok/s, held {held:.1f} tok/s, share {share:.2f}")
    print(f"target: at least {LEAST_SHARE} of the free speed; {time.perf_counter() - began:.0f} s")
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
