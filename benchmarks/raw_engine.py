"""The raw engine loop, the yardstick: the pipeline's own steps, with nothing around them.

`python -m benchmarks.raw_engine` is the process that runs it: the worker's job as one line on
standard input, then one line of JSON per run. It drives the very pipeline that the worker builds,
so no setting can differ. `RawEngine` is its other end.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import psutil

from benchmarks import processes
from benchmarks.client import Address
from benchmarks.prompts import Prompt
from benchmarks.targets import CannotMeasure, Part, check
from benchmarks.traces import Trace
from inference.worker.protocol import EngineRequest, decode_job


class RawEngine:
    """A process with the worker's pipeline and no link, text or events."""

    name = "raw engine"
    health: tuple[Address, str] | None = None

    def __init__(self, job: bytes, log: Path) -> None:
        self._job = job
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Spawn it and hand over the job; it loads while the caller goes on."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.raw_engine"],
                cwd=processes.PROJECT_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._write(self._job)

    async def first_token(self, prompt: Prompt) -> float:
        """Its first run waits for the load by itself."""
        await self.generate([prompt], 1)
        return time.perf_counter()

    async def generate(self, prompts: Sequence[Prompt], tokens: int) -> list[Trace]:
        """One run of its loop."""
        self._write(json.dumps({"prompts": [p.ids for p in prompts], "tokens": tokens}).encode())
        line = await asyncio.to_thread(self._read)
        traces = [
            Trace(
                found["started"],
                tuple(found["arrivals"]),
                found["ended"],
                found["tokens"],
                len(prompt.ids),
            )
            for found, prompt in zip(json.loads(line), prompts, strict=True)
        ]
        check(traces, prompts, tokens, self.name)
        return traces

    def parts(self) -> list[Part]:
        """Its one process."""
        if self._process is None:
            return []
        found = psutil.Process(self._process.pid)
        return [Part("worker", processes.mebibytes(found), processes.cpu_seconds(found))]

    async def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(processes.end, process)
            assert process.stdin
            assert process.stdout
            process.stdin.close()
            process.stdout.close()

    def _write(self, line: bytes) -> None:
        assert self._process
        assert self._process.stdin
        try:
            self._process.stdin.write(line.rstrip() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._failure() from None

    def _read(self) -> bytes:
        assert self._process
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        return line

    def _failure(self) -> CannotMeasure:
        return CannotMeasure(f"the raw engine ended:\n{processes.last_lines(self._log)}")


def run_loop(pipeline: Any, requests: Sequence[EngineRequest]) -> list[dict[str, Any]]:
    """Add all, step until nothing is left, read what each step gave. All times in seconds."""
    import numpy as np
    import openvino as ov

    from inference.worker.sampling import build_config

    tensors = [ov.Tensor(np.asarray([request.ids], dtype=np.int64)) for request in requests]
    configs = [build_config(pipeline.get_config(), request) for request in requests]
    started = time.perf_counter()
    handles = [
        pipeline.add_request(request.number, ids, config)
        for request, ids, config in zip(requests, tensors, configs, strict=True)
    ]
    arrivals: list[list[float]] = [[] for _ in handles]
    tokens = [0 for _ in handles]
    while pipeline.has_non_finished_requests():
        pipeline.step()
        now = time.perf_counter()
        for index, handle in enumerate(handles):
            if handle.can_read():
                output = next(iter(handle.read().values()))
                tokens[index] += len(output.generated_ids)
                arrivals[index].append(now)
    return [
        {"started": started, "arrivals": times, "ended": times[-1], "tokens": count}
        for times, count in zip(arrivals, tokens, strict=True)
    ]


def main() -> None:
    """Load, then serve runs until standard input closes. OpenVINO may print: it gets stderr."""
    answers: TextIO = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    job = decode_job(sys.stdin.buffer.readline())
    import openvino_genai as genai

    from inference.worker.batched import new_pipeline

    pipeline = new_pipeline(job, genai.Tokenizer(job.folder))
    number = 0
    for line in sys.stdin.buffer:
        order = json.loads(line)
        requests = []
        for ids in order["prompts"]:
            number += 1
            requests.append(
                EngineRequest(
                    number, ids, max_new_tokens=order["tokens"], temperature=0.0, ignore_eos=True
                )
            )
        print(json.dumps(run_loop(pipeline, requests)), file=answers, flush=True)


if __name__ == "__main__":
    main()
