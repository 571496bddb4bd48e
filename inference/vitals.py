"""The last fifteen minutes as samples of five seconds, taken all the time and kept in memory.

The appliance runs `keep_taking`; whoever draws charts asks `samples` once and then follows with
`newest`. A sample costs some microseconds and one look at each engine's process; 180 are kept. What
the disk has free is asked beside the loop: a disk that hangs must hold up nobody.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference import disk, environment, status
from inference.status import EngineStatus

log = logging.getLogger(__name__)

STEP_SECONDS = 5
KEPT = 180
DISK_SECONDS = 20.0
TTFT_WINDOW_SECONDS = 60.0
"""Times to the first token are told over the last minute: in five seconds few answers end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What five seconds were like. `at` is their end, in whole steps of seconds since 1970;
    `tokens_per_second` (by device) counts every token of them; the rest is as it was at the end:
    `memory_bytes` of the engines by device, requests on an engine and in line, and the median and
    95th percentile of the last minute's seconds to the first token (None = no answer ended)."""

    at: int
    tokens_per_second: Mapping[str, float]
    memory_bytes: Mapping[str, int]
    running: int
    queued: int
    ttft_p50: float | None
    ttft_p95: float | None


class Recorder:
    """Takes samples from what it is given; knows how far every engine's count of tokens was."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=KEPT)
        self.free_bytes: int | None = None
        self._counted: dict[tuple[str, str, int | None], int] = {}

    def take(
        self,
        at: int,
        engines: Sequence[EngineStatus],
        running: int,
        queued: int,
        ttfts: Sequence[float],
    ) -> None:
        """One more sample. An engine that came and went between two samples is not in any."""
        tokens: dict[str, float] = {}
        memory: dict[str, int] = {}
        counted = {}
        for engine in engines:
            key = engine.model, engine.device, engine.pid
            counted[key] = engine.tokens_produced
            new = engine.tokens_produced - self._counted.get(key, 0)
            tokens[engine.device] = tokens.get(engine.device, 0.0) + new / STEP_SECONDS
            memory[engine.device] = memory.get(engine.device, 0) + engine.memory_bytes
        self._counted = counted
        self.samples.append(
            Sample(
                at=at,
                tokens_per_second={name: round(rate, 1) for name, rate in tokens.items()},
                memory_bytes=memory,
                running=running,
                queued=queued,
                ttft_p50=percentile(ttfts, 0.50),
                ttft_p95=percentile(ttfts, 0.95),
            )
        )


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least that share of the values does not exceed; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 4)


def samples() -> tuple[Sample, ...]:
    """All that are kept, oldest first. Steps in which the machine slept are missing."""
    return tuple(_recorder.samples)


def newest() -> Sample | None:
    """The last one, None in the first seconds of a server."""
    return _recorder.samples[-1] if _recorder.samples else None


def free_bytes() -> int | None:
    """What the disk with the models had free some seconds ago; None before it was asked, or when it
    does not answer."""
    return _recorder.free_bytes


async def keep_taking() -> None:
    """Take samples and look at the disk, until cancelled."""
    await asyncio.gather(_take_samples(), _look_at_disk())


async def _look_at_disk() -> None:
    while True:
        _recorder.free_bytes = await asyncio.to_thread(_measure_disk)
        await asyncio.sleep(DISK_SECONDS)


def _measure_disk() -> int | None:
    try:
        return disk.free_bytes(environment.models_folder())
    except OSError:
        return None


async def _take_samples() -> None:
    while True:
        at = (int(time.time()) // STEP_SECONDS + 1) * STEP_SECONDS
        await asyncio.sleep(max(0.0, at - time.time()))
        try:
            since = time.monotonic() - TTFT_WINDOW_SECONDS
            ttfts = [seconds for ended, seconds in status.first_tokens() if ended >= since]
            _recorder.take(at, status.engines(), status.running(), status.queued(), ttfts)
        except Exception:  # a missing sample is a gap in a chart, the next one may succeed
            log.exception("a sample of the machine's state could not be taken")


_recorder = Recorder()
