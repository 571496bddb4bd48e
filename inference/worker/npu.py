"""The NPU's path: LLMPipeline with static shapes, one generation at a time.

The same pipeline compiled for the CPU (NPUW_DEVICES=CPU) is the emulated NPU. `generate` releases
the interpreter lock and calls back per token from a native thread. It cannot be cancelled before
the first token, takes no beams, and stops in silence when its static cache is full (finish
"length").
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from inference.worker.answer import Answer
from inference.worker.protocol import Chunk, EngineRequest, Job
from inference.worker.reasons import readable
from inference.worker.runtime import Send
from inference.worker.sampling import build_config
from inference.worker.tokenizer import EngineTokenizer


class NpuRuntime:
    """Static LLMPipeline. The constructor loads and compiles (minutes on a cold NPU)."""

    def __init__(self, job: Job) -> None:
        self._tokenizer = EngineTokenizer(job.folder, job.markup)
        self._pipeline = genai.LLMPipeline(
            job.folder, self._tokenizer.native, "NPU", **job.properties
        )
        self._end_ids = frozenset(self._pipeline.get_generation_config().stop_token_ids)
        self._queue: asyncio.Queue[EngineRequest] = asyncio.Queue()
        self._cancelled: set[int] = set()
        self._known: set[int] = set()

    def facts(self) -> dict[str, Any]:
        """Nothing beyond what the job says."""
        return {}

    def submit(self, request: EngineRequest) -> None:
        """After those before it."""
        self._known.add(request.number)
        self._queue.put_nowait(request)

    def cancel(self, number: int) -> None:
        """With the next token; before the first token, as soon as prefill is done."""
        if number in self._known:
            self._cancelled.add(number)

    async def run(self, send: Send) -> None:
        """One generation after another."""
        loop = asyncio.get_running_loop()
        while True:
            request = await self._queue.get()
            chunks: asyncio.Queue[Chunk] = asyncio.Queue()
            work = asyncio.create_task(
                asyncio.to_thread(
                    self._generate,
                    request,
                    lambda chunk, out=chunks: loop.call_soon_threadsafe(out.put_nowait, chunk),
                )
            )
            while True:
                chunk = await chunks.get()
                await send([chunk])
                if chunk.finish:
                    break
            await work
            self._known.discard(request.number)
            self._cancelled.discard(request.number)

    def _generate(self, request: EngineRequest, post: Any) -> None:
        answer = Answer(request, self._tokenizer.new_text(), self._end_ids)
        if request.number in self._cancelled:
            post(answer.end("cancelled"))
            return
        if answer.is_stopped:
            post(answer.end("stop"))
            return
        streamer = _Streamer(request.number, answer, self._cancelled, post)
        try:
            config = build_config(self._pipeline.get_generation_config(), request)
            ids = ov.Tensor(np.asarray([request.all_ids], dtype=np.int64))
            self._pipeline.generate(ids, config, streamer)
        except RuntimeError as error:
            post(answer.end("failed" if answer.tokens else "refused", readable(error)))
            return
        if answer.is_stopped:
            post(answer.end("stop"))
        elif request.number in self._cancelled:
            post(answer.end("cancelled"))
        elif streamer.met_end and not request.ignore_eos:
            post(answer.end("stop"))
        else:
            post(answer.end("length"))


class _Streamer(genai.StreamerBase):
    """Receives token ids from the native thread. Must never raise: GenAI would swallow it and go on
    to the end."""

    def __init__(self, number: int, answer: Answer, cancelled: set[int], post: Any) -> None:
        super().__init__()
        self._number = number
        self._answer = answer
        self._cancelled = cancelled
        self._post = post
        self.met_end = False

    def write(self, token: int | list[int]) -> genai.StreamingStatus:
        if self._answer.is_stopped:
            return genai.StreamingStatus.STOP
        if self._number in self._cancelled:
            return genai.StreamingStatus.CANCEL
        ids = token if isinstance(token, list) else [token]
        self.met_end = any(one in self._answer.end_ids for one in ids)
        self._post(self._answer.take(ids))
        return (
            genai.StreamingStatus.STOP if self._answer.is_stopped else genai.StreamingStatus.RUNNING
        )

    def end(self) -> None:
        return None
