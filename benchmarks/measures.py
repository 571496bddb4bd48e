"""The single measurements: each asks one target once and adds its figures to the results.

`serving` calls them for one target after the other within a round, so that targets which are
compared were asked within the same seconds. Suffixes say the unit: `_ms`, `_seconds`, `_mib`,
`_us`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import median

import psutil

from benchmarks import client
from benchmarks.prompts import Prompt
from benchmarks.results import Results
from benchmarks.targets import Target
from benchmarks.traces import Trace, decode_rate, gaps, percentile, request_rate, tokens_per_piece

MILLISECONDS = 1e3
MICROSECONDS = 1e6
HEALTH_PAUSE_SECONDS = 0.02
HEALTH_WAIT_SECONDS = 120.0


class CpuMeter:
    """Processor time of the target's parts, of this client, and of everybody else, over a run."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._parts = self._by_role()
        self._client = time.process_time()
        self._machine = _busy_and_all()

    def add_to(self, results: Results, figure: str, tokens: int) -> None:
        """Microseconds per token by part, and the share (0 to 1) that strangers used."""
        name = self._target.name
        client_seconds = time.process_time() - self._client
        used = client_seconds
        for role, seconds in self._by_role().items():
            spent = seconds - self._parts.get(role, 0.0)
            used += spent
            results.add(f"{figure}.cpu_us.{role}", name, spent / tokens * MICROSECONDS)
        results.add(f"{figure}.cpu_us.client", name, client_seconds / tokens * MICROSECONDS)
        busy, total = (now - then for now, then in zip(_busy_and_all(), self._machine, strict=True))
        if total > 0:
            results.add(f"{figure}.strangers_share", name, max(0.0, busy - used) / total)

    def _by_role(self) -> dict[str, float]:
        totals: dict[str, float] = {}
        for part in self._target.parts():
            totals[part.role] = totals.get(part.role, 0.0) + part.cpu_seconds
        return totals


async def decode(
    target: Target, prompts: Sequence[Prompt], tokens: int, results: Results
) -> list[Trace]:
    """All prompts at once: rates, gaps between pieces, processor time per token."""
    figure = f"decode.{len(prompts)}"
    meter = CpuMeter(target)
    traces = await target.generate(prompts, tokens)
    meter.add_to(results, figure, len(prompts) * tokens)
    between = gaps(traces)
    found = {
        "tokens_per_second": decode_rate(traces),
        "request_tokens_per_second": request_rate(traces),
        "ttft_ms": median(trace.ttft_seconds for trace in traces) * MILLISECONDS,
        "gap_p50_ms": percentile(between, 0.50) * MILLISECONDS,
        "gap_p99_ms": percentile(between, 0.99) * MILLISECONDS,
        "tokens_per_piece": tokens_per_piece(traces),
    }
    for name, value in found.items():
        results.add(f"{figure}.{name}", target.name, value)
    return traces


async def prefill(target: Target, prompt: Prompt, results: Results) -> None:
    """One long prompt that nobody has seen: its tokens per second until the first of the answer."""
    (trace,) = await target.generate([prompt], 2)
    results.add("prefill.tokens_per_second", target.name, len(prompt.ids) / trace.ttft_seconds)


async def time_to_first_token(target: Target, prompt: Prompt, results: Results) -> None:
    """One short prompt on an idle engine."""
    (trace,) = await target.generate([prompt], 4)
    results.add("ttft.ms", target.name, trace.ttft_seconds * MILLISECONDS)


async def health(target: Target, prompts: Sequence[Prompt], tokens: int, results: Results) -> None:
    """Asks for the target's health all the time while all prompts stream."""
    if target.health is None:
        return
    address, path = target.health
    figure = f"health.{len(prompts)}"
    done = asyncio.Event()
    polling = asyncio.create_task(client.poll(address, path, HEALTH_PAUSE_SECONDS, done))
    try:
        await target.generate(prompts, tokens)
    finally:
        done.set()
        took = await polling
    for name, value in {
        "p50_ms": percentile(took, 0.50),
        "p99_ms": percentile(took, 0.99),
        "max_ms": max(took),
    }.items():
        results.add(f"{figure}.{name}", target.name, value * MILLISECONDS)
    results.add(f"{figure}.samples", target.name, len(took))


def memory(target: Target, results: Results) -> None:
    """Resident memory of each part, now."""
    for part in target.parts():
        results.add(f"memory.{part.role}_mib", target.name, part.memory_mebibytes)


async def cold_start(target: Target, prompt: Prompt, results: Results) -> None:
    """From the start of its process to its first token. Leaves it running."""
    began = time.perf_counter()
    await target.start()
    first_token = asyncio.create_task(target.first_token(prompt))
    try:
        if target.health is not None:
            answered = await client.wait_until_ok(*target.health, HEALTH_WAIT_SECONDS)
            results.add("cold.health_seconds", target.name, answered - began)
        results.add("cold.first_token_seconds", target.name, await first_token - began)
    finally:
        first_token.cancel()


def _busy_and_all() -> tuple[float, float]:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guests' time is part of user time already.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - idle, total
