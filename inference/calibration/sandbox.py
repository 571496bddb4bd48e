"""One engine in a process of its own, for measuring: watched, limited, and gone afterwards.

It is not among the residency's engines. Whatever a device's driver does in here (crash, hang, eat
memory) costs this process and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil

from inference.calibration.prompts import ANSWER_TOKENS
from inference.errors import EngineFailed
from inference.residency.process import EngineProcess, LoadFailed, Patience, State
from inference.residency.spec import EngineSpec
from inference.worker.protocol import EngineRequest

LOOK_SECONDS = 0.1


class EngineTrouble(Exception):
    """The engine could not be loaded or could not answer; the text says why, without paths."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A greedy answer and how fast it came: until the first token, then per second."""

    token_ids: tuple[int, ...]
    ttft_seconds: float
    tokens_per_second: float


class SandboxedEngine:
    """A loaded engine. `load_seconds` is what a request would wait for: process and model."""

    def __init__(self, process: EngineProcess, memory: _MemoryWatch, load_seconds: float) -> None:
        self._process = process
        self._memory = memory
        self.load_seconds = load_seconds

    @property
    def peak_bytes(self) -> int:
        """The most memory the process was seen to hold."""
        return self._memory.peak_bytes

    async def answer(self, prompt_ids: list[int]) -> Answer:
        """The engine's own greedy answer to that prompt. Raises EngineTrouble."""
        request = EngineRequest(0, prompt_ids, ANSWER_TOKENS, temperature=0.0, ignore_eos=True)
        token_ids: list[int] = []
        try:
            _, stream = self._process.submit(request)
            while True:
                chunks = await stream.next_batch()
                token_ids += [token for chunk in chunks for token in chunk.token_ids]
                if chunks[-1].finish:
                    break
        except EngineFailed:
            died = f"the engine died at a prompt of {len(prompt_ids):,} tokens"
            raise EngineTrouble(self._memory.complaint or died) from None
        last = chunks[-1]
        if last.finish in ("refused", "failed"):
            raise EngineTrouble(f"at {len(prompt_ids):,} tokens: {last.error}")
        speed = (len(token_ids) - 1) / last.decode_seconds if len(token_ids) > 1 else 0.0
        return Answer(tuple(token_ids), last.prefill_seconds, speed)


@contextlib.asynccontextmanager
async def sandbox(
    spec: EngineSpec, *, load_timeout_seconds: float, memory_bytes: int
) -> AsyncIterator[SandboxedEngine]:
    """A freshly started engine of that spec, ended with the block however that ends.

    It is killed as soon as it holds more than `memory_bytes` (0: no limit). Raises EngineTrouble if
    it cannot be loaded.
    """
    process = EngineProcess(spec.job(), on_end=lambda: None)
    memory = _MemoryWatch(process, memory_bytes)
    watching = asyncio.create_task(memory.watch())
    began = time.perf_counter()
    try:
        try:
            await process.start(Patience(load=load_timeout_seconds))
        except LoadFailed as error:
            raise EngineTrouble(memory.complaint or f"it does not load: {error}") from error
        except OSError as error:
            raise EngineTrouble(f"its process could not be started ({error.errno})") from error
        yield SandboxedEngine(process, memory, time.perf_counter() - began)
    finally:
        watching.cancel()
        await asyncio.shield(process.stop())


class _MemoryWatch:
    """Looks at the process's resident memory, and kills it when that is over the limit."""

    def __init__(self, engine: EngineProcess, limit_bytes: int) -> None:
        self.peak_bytes = 0
        self.complaint = ""
        self._engine = engine
        self._limit_bytes = limit_bytes

    async def watch(self) -> None:
        process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            while self._engine.state != State.ENDED:
                if process is None and self._engine.pid:
                    # Kept from now on: it never takes another process of that number for ours.
                    process = psutil.Process(self._engine.pid)
                if process is not None:
                    self._look(process)
                await asyncio.sleep(LOOK_SECONDS)

    def _look(self, process: psutil.Process) -> None:
        self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
        if 0 < self._limit_bytes < self.peak_bytes and not self.complaint:
            self.complaint = f"it needs more than the allowed {self._limit_bytes / 1e9:.2f} GB"
            process.kill()
