"""`python -m benchmarks.flood`: 600 requests at once on one engine.

As many as have places run, 512 wait in line, the rest are refused at once with a time to come back;
all who waited are answered, and the server's memory stays flat. Exit code 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import client, processes
from benchmarks.appliance import Appliance
from benchmarks.client import Address, Refused

MODEL = "smollm2:135m"
LINE = 512
PLACES = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: `status` 0 is a broken connection; `seconds` until it ended."""

    status: int
    seconds: float
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Counts, seconds and MiB."""

    requests: int
    answered: int
    refused: int
    broken: int
    last_refusal_seconds: float
    first_answer_seconds: float
    last_answer_seconds: float
    without_retry_after: int
    server_mib_before: float
    server_mib_after: float

    def complaints(self) -> list[str]:
        """What does not hold, in words."""
        rules = {
            f"{self.broken} connections broke": not self.broken,
            f"{self.answered} answers instead of {PLACES + LINE}": self.answered == PLACES + LINE,
            f"{self.without_retry_after} refusals name no time": not self.without_retry_after,
            "refusals came late": self.last_refusal_seconds < self.last_answer_seconds / 4,
            "memory grew by more than 64 MiB": self.server_mib_after < self.server_mib_before + 64,
        }
        return [words for words, holds in rules.items() if not holds]


async def _ask(address: Address, number: int, tokens: int) -> Outcome:
    body = {
        "model": MODEL,
        "prompt": f"Number {number}:",
        "raw": True,
        "options": {"num_predict": tokens, "temperature": 0, "ignore_eos": True},
    }
    began = time.perf_counter()
    try:
        answer = await client.stream(address, "/api/generate", body)
        status, retry = 200 if answer.frames[-1][1].get("done") else 0, ""
    except Refused as refusal:
        status, retry = refusal.status, refusal.headers.get("retry-after", "")
    except (OSError, TimeoutError):
        status, retry = 0, ""
    return Outcome(status, time.perf_counter() - began, retry)


async def _run(arguments: argparse.Namespace, folder: Path) -> Report:
    home = arguments.home or folder / "home"
    appliance = Appliance(home, MODEL, "CPU", folder / "log")
    if arguments.home is None:
        await appliance.install()
    await appliance.start()
    try:
        await client.wait_until_ok(appliance.address, "/health", 60)
        while (await _ask(appliance.address, 0, 2)).status != 200:
            await asyncio.sleep(0.5)
        # The first flood fills the pools of every library; the second one is measured.
        await _flood(appliance.address, 100, 2)
        before = processes.mebibytes(appliance.server_process)
        outcomes = await _flood(appliance.address, arguments.requests, arguments.tokens)
        after = processes.mebibytes(appliance.server_process)
    finally:
        await appliance.stop()
    counts = Counter(outcome.status for outcome in outcomes)
    times = {status: [o.seconds for o in outcomes if o.status == status] for status in (200, 503)}
    return Report(
        requests=len(outcomes),
        answered=counts[200],
        refused=counts[503],
        broken=len(outcomes) - counts[200] - counts[503],
        last_refusal_seconds=round(max(times[503], default=0.0), 2),
        first_answer_seconds=round(min(times[200], default=0.0), 2),
        last_answer_seconds=round(max(times[200], default=0.0), 2),
        without_retry_after=sum(o.status == 503 and not o.retry_after for o in outcomes),
        server_mib_before=round(before, 1),
        server_mib_after=round(after, 1),
    )


async def _flood(address: Address, requests: int, tokens: int) -> list[Outcome]:
    return list(await asyncio.gather(*(_ask(address, at, tokens) for at in range(requests))))


def main() -> None:
    """Run it, print the report, and exit with 1 when something does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood", description=__doc__)
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--tokens", type=int, default=16, help="of each answer")
    parser.add_argument("--home", type=Path, help="a data folder with the starter, not in use")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="npuconsole-flood-") as folder:
        report = asyncio.run(_run(arguments, Path(folder)))
    print(json.dumps(asdict(report), indent=2))
    complaints = report.complaints()
    print("\n".join(complaints) or "everything held")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
