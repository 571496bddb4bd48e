"""Continuous batching on CPU and GPU: many generations share every engine step.

`step()` and `add_request()` hold the interpreter lock (OpenVINO GenAI 2026.4), so nothing else of
the worker runs meanwhile; between two steps the event loop gets enough turns for a cancel to
arrive.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from inference.worker.answer import Answer
from inference.worker.grammar import GrammarChecker
from inference.worker.protocol import Chunk, EngineRequest, Job
from inference.worker.reasons import readable
from inference.worker.runtime import Send
from inference.worker.sampling import build_config
from inference.worker.tokenizer import EngineTokenizer

TURNS_BETWEEN_STEPS = 3
"""Loop turns from bytes on the socket to the reader task having handled them."""
DRAIN_STEPS = 64


def new_pipeline(job: Job, tokenizer: genai.Tokenizer) -> genai.ContinuousBatchingPipeline:
    """The loaded pipeline of that job; the benchmark's raw loop steps the same one. Raises
    RuntimeError from OpenVINO."""
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.dynamic_split_fuse = True
    scheduler.max_num_batched_tokens = job.max_batched_tokens
    scheduler.cache_size = job.cache_gigabytes
    return genai.ContinuousBatchingPipeline(
        job.folder, tokenizer, scheduler, job.device, **job.properties
    )


class BatchedRuntime:
    """ContinuousBatchingPipeline with prefix caching. The constructor loads the model."""

    def __init__(self, job: Job) -> None:
        self._tokenizer = EngineTokenizer(job.folder, job.markup)
        self._pipeline = new_pipeline(job, self._tokenizer.native)
        self._grammars = GrammarChecker(self._tokenizer.native)
        self._end_ids = frozenset(self._pipeline.get_config().stop_token_ids)
        self._running: dict[int, tuple[genai.GenerationHandle, Answer]] = {}
        self._checking: dict[int, asyncio.Task[None]] = {}
        self._waiting: list[Chunk] = []
        self._wake = asyncio.Event()

    def facts(self) -> dict[str, Any]:
        """Nothing beyond what the job says."""
        return {}

    def submit(self, request: EngineRequest) -> None:
        """Into the next step's batch; one with a grammar only after the grammar proved good,
        because a bad one raises inside the step of everyone."""
        if request.grammar is None:
            self._add(request)
        else:
            self._checking[request.number] = asyncio.get_running_loop().create_task(
                self._check_then_add(request)
            )

    def cancel(self, number: int) -> None:
        """The engine frees its place with the next step."""
        checking = self._checking.pop(number, None)
        if checking is not None:
            checking.cancel()
            self._waiting.append(Chunk(number, [], "", "cancelled"))
        entry = self._running.pop(number, None)
        if entry is not None:
            handle, answer = entry
            handle.cancel()
            self._waiting.append(answer.end("cancelled"))
        self._wake.set()

    async def run(self, send: Send) -> None:
        """One engine step after another while anything runs."""
        while True:
            if not self._waiting and not self._pipeline.has_non_finished_requests():
                self._wake.clear()
                await self._wake.wait()
            chunks = self._step()
            if chunks:
                await send(chunks)
            for _ in range(TURNS_BETWEEN_STEPS):
                await asyncio.sleep(0)

    async def _check_then_add(self, request: EngineRequest) -> None:
        assert request.grammar is not None
        problem = await self._grammars.find_problem(*request.grammar)
        del self._checking[request.number]
        if problem:
            self._waiting.append(Chunk(request.number, [], "", "refused", error=problem))
            self._wake.set()
        else:
            self._add(request)

    def _add(self, request: EngineRequest) -> None:
        answer = Answer(request, self._tokenizer.new_text(), self._end_ids)
        if answer.is_stopped:
            self._waiting.append(answer.end("stop"))
            self._wake.set()
            return
        try:
            config = build_config(self._pipeline.get_config(), request)
            ids = ov.Tensor(np.asarray([request.all_ids], dtype=np.int64))
            handle = self._pipeline.add_request(request.number, ids, config)
        except RuntimeError as error:
            self._waiting.append(answer.end("refused", readable(error)))
        else:
            self._running[request.number] = (handle, answer)
        self._wake.set()

    def _step(self) -> list[Chunk]:
        chunks, self._waiting = self._waiting, []
        try:
            if self._pipeline.has_non_finished_requests():
                self._pipeline.step()
            for number, (handle, answer) in list(self._running.items()):
                chunk = self._read(handle, answer)
                if chunk is None:
                    continue
                chunks.append(chunk)
                if chunk.finish:
                    del self._running[number]
        except RuntimeError as error:
            chunks += self._recover(error)
        return chunks

    def _read(self, handle: genai.GenerationHandle, answer: Answer) -> Chunk | None:
        if not handle.can_read():
            if handle.get_status() == genai.GenerationStatus.IGNORED:
                # The KV cache can never hold it: what was generated so far is all there will be.
                return answer.end("length" if answer.tokens else "refused", "KV cache full")
            return None
        output = next(iter(handle.read().values()))
        chunk = answer.take(output.generated_ids)
        if answer.wants_logprobs:
            chunk.logprobs = self._logprobs(output, answer.end_ids)
        if answer.is_stopped:
            handle.stop()
            return answer.finish(chunk, "stop")
        if output.finish_reason == genai.GenerationFinishReason.NONE:
            return chunk
        stopped = output.finish_reason == genai.GenerationFinishReason.STOP
        return answer.finish(chunk, "stop" if stopped else "length")

    def _logprobs(
        self, output: genai.GenerationOutput, end_ids: frozenset[int]
    ) -> list[tuple[str, float]]:
        """One for each token that is no end of the sequence."""
        pairs = zip(output.generated_ids, output.generated_log_probs, strict=False)
        return [
            (self._tokenizer.bytes_of(token).hex(), logprob)
            for token, logprob in pairs
            if token not in end_ids
        ]

    def _recover(self, error: RuntimeError) -> list[Chunk]:
        """After a step that raised, the pipeline refuses every further step until all its requests
        are cancelled. They all fail; the engine lives."""
        failed = []
        for handle, answer in self._running.values():
            handle.cancel()
            failed.append(answer.end("failed", readable(error)))
        self._running.clear()
        for _ in range(DRAIN_STEPS):
            if not self._pipeline.has_non_finished_requests():
                return failed
            self._pipeline.step()
        raise SystemExit("the pipeline cannot be emptied after an error")
