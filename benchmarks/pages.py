"""`python -m benchmarks.pages`: what the console's pages cost the server with a long log: every
page, and of Requests each filter and place, and receipts.

The site's own ASGI application in this process, from the request to the last byte, on a data
folder of this run's own with the starter in it. Common and rare values are measured, and values
that nothing has: those are where an index that does not fit shows. Exit code 1 when a page's median
is over the goal.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.appliance import Appliance
from inference import environment

MODEL = "smollm2:135m"
GOAL_MS = 200.0
BATCH_ROWS = 2000
KEPT_EVERY = 50
KEPT_BYTES = 20_000
VALUES: dict[str, tuple[tuple[str, float], ...]] = {
    "model_name": (
        (MODEL, 60),
        ("llama3.2:1b", 30),
        ("qwen3:0.6b", 10),
        ("rare:1b", 0.01),
    ),
    "execution_device": (("CPU", 60), ("NPU", 38), ("", 2), ("GPU", 0.01)),
    "family": (("ollama", 50), ("openai", 40), ("anthropic", 10), ("console", 0.01)),
    "client": (("127.0.0.1", 90), ("192.168.1.20", 10), ("10.0.0.9", 0.01)),
    "outcome": (
        ("stop", 80),
        ("length", 12),
        ("cancelled", 6),
        ("engine_failed", 2),
        ("server_busy", 0.01),
    ),
}
"""What rows have, with weights."""
QUERIES = (
    "",
    "?model=smollm2:135m",
    "?model=rare:1b",
    "?model=none:1b",
    "?device=CPU",
    "?device=GPU",
    "?device=none",
    "?device=XPU",
    "?family=ollama",
    "?family=console",
    "?outcome=finished",
    "?outcome=failed",
    "?outcome=stop",
    "?outcome=server_busy",
    "?client=127.0.0.1",
    "?client=10.0.0.9",
    "?client=10.9.9.9",
    "?time=1h",
    "?time=30d",
    "?model=smollm2:135m&device=NPU&outcome=finished&time=30d",
    "?device=CPU&family=console",
    "?device=CPU&outcome=failed&client=10.0.0.9",
)


def main() -> int:
    """Prints a line for each page."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rows", type=int, default=100_000, help="request records")
    options.add_argument("--repeats", type=int, default=20, help="loads of each page")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="npuconsole-pages-") as name:
        appliance = Appliance(Path(name), MODEL, "CPU", Path(name, "log"))
        asyncio.run(appliance.install())
        os.environ["NPUCONSOLE_HOME"] = name
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "npuconsole.settings")
        environment.reload()
        from npuconsole import asgi  # sets Django up

        began = time.perf_counter()
        receipts = _fill(chosen.rows)
        size = Path(name, "npuconsole.sqlite3").stat().st_size / 1e6
        seconds = time.perf_counter() - began
        print(f"{chosen.rows:,} records, {size:,.0f} MB, written in {seconds:.0f} s")
        worst = asyncio.run(_measure(asgi.pages, receipts, chosen.repeats))
        is_met = worst <= GOAL_MS
        verdict = "met" if is_met else "MISSED"
        print(f"slowest median {worst:.0f} ms, goal {GOAL_MS:.0f} ms: {verdict}")
        return 0 if is_met else 1


async def _measure(pages: Any, receipts: dict[str, str], repeats: int) -> float:
    """The slowest page's median, in milliseconds."""
    transport = httpx.ASGITransport(pages, client=("127.0.0.1", 50000))
    medians = []
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for words, path in await _paths(client, receipts):
            loads = [await _load(client, path) for _ in range(repeats + 1)][1:]
            wall, cpu = median(load[0] for load in loads), median(load[1] for load in loads)
            medians.append(wall)
            print(f"{words:<62}{wall:7.1f} ms, of the processor{cpu:7.1f} ms")
    return max(medians)


async def _paths(client: httpx.AsyncClient, receipts: dict[str, str]) -> list[tuple[str, str]]:
    """Every page with its words; of Requests filters, the places further down, the fragment, and
    receipts."""
    from npuconsole.console.pages import PAGES

    pages = [(page.title, page.url) for page in PAGES if page.name != "requests"]
    pages += [("Models, find", "/models/find/"), (f"Models, {MODEL}", f"/models/{MODEL}/")]
    found = [(f"table {query or '(no filter)'}", f"/requests/{query}") for query in QUERIES]
    middle = int((datetime.now(UTC) - timedelta(days=30)).timestamp() * 1e6)
    for query in ("", "&device=CPU", "&family=console", "&outcome=failed"):
        older, newer = f"/requests/?before={middle}-1{query}", f"/requests/?after={middle}-1{query}"
        found += [(f"older {query}", older), (f"newer {query}", newer)]
    found.append(("list alone, as for new requests", "/requests/list/"))
    return pages + found + [(words, f"/requests/{receipt}/") for words, receipt in receipts.items()]


async def _load(client: httpx.AsyncClient, path: str) -> tuple[float, float]:
    """By the clock, and of the processor, which others may keep busy."""
    began, worked = time.perf_counter(), time.process_time()
    answer = await client.get(path)
    taken = (time.perf_counter() - began) * 1e3, (time.process_time() - worked) * 1e3
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code}")
    return taken


def _fill(count: int) -> dict[str, str]:
    """Write the rows, one each half minute up to now; ids of receipts worth a look."""
    from inference import configuration, snapshot
    from inference.models import RequestRecord, Setting

    Setting.objects.update_or_create(key="welcome_is_over", defaults={"value": True})
    snapshot.replace_with(configuration.load())
    rows = _rows(count)
    while batch := [RequestRecord(**row) for row, _ in zip(rows, range(BATCH_ROWS), strict=False)]:
        RequestRecord.objects.bulk_create(batch)
    return {
        "receipt without a prompt": f"req_{1:024x}",
        f"receipt with a prompt of {KEPT_BYTES // 1000} kB": f"req_{0:024x}",
    }


def _rows(count: int) -> Iterator[dict[str, Any]]:
    chance, now = random.Random(7), datetime.now(UTC)
    text = "Why is the sky blue? " * (KEPT_BYTES // 21)
    for number in range(count):
        values = {
            name: chance.choices([value for value, _ in pairs], [weight for _, weight in pairs])[0]
            for name, pairs in VALUES.items()
        }
        device = values["execution_device"]
        prefill, decode = chance.uniform(0.05, 0.6), chance.uniform(0.2, 6)
        steps = [
            {"device": "NPU", "reason": "over_token_limit", "error": "over its limit", "tokens": 0},
            {"device": device, "reason": "over_token_limit", "error": "", "tokens": 80},
        ]
        is_kept = number % KEPT_EVERY == 0
        yield {
            **values,
            "request_id": f"req_{number:024x}",
            "received_at": now - (count - number) * timedelta(seconds=30),
            "endpoint": "/api/chat",
            "routed_device": "NPU",
            "reason": "over_token_limit",
            "explanation": "1,912 tokens: over the NPU's limit of 1,800, so CPU",
            "chain": steps,
            "devices": [device],
            "prompt_tokens": chance.randint(10, 4000),
            "completion_tokens": chance.randint(1, 400),
            "prefill_seconds": prefill,
            "decode_seconds": decode,
            "ttft_seconds": prefill,
            "total_seconds": prefill + decode + 0.01,
            "prompt": {"messages": [{"role": "user", "content": text}]} if is_kept else None,
            "answer": "Because of the way that light is scattered." if is_kept else "",
        }


if __name__ == "__main__":
    sys.exit(main())
