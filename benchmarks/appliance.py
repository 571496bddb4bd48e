"""The appliance under measurement: `manage.py serve` on a free port, asked over HTTP.

Prompts go in verbatim (`/api/generate` with `raw`), so that all targets read the same tokens.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks import client, processes
from benchmarks.client import Address, Answer, Refused
from benchmarks.prompts import Prompt
from benchmarks.targets import CannotMeasure, Part, check
from benchmarks.traces import Trace

START_SECONDS = 60.0
INSTALL_SECONDS = 1800.0


class Appliance:
    """One data folder (`home`), served on `device`."""

    name = "appliance"

    def __init__(
        self,
        home: Path,
        model: str,
        device: str,
        log: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self._variables = dict(variables or {})
        self.model = model
        self.device = device
        self._log = log
        self._address = Address("127.0.0.1", 0)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def health(self) -> tuple[Address, str] | None:
        """Its own endpoint."""
        return self._address, "/health"

    @property
    def address(self) -> Address:
        """Where it listens since `start`."""
        return self._address

    @property
    def server_process(self) -> psutil.Process:
        """The server, without its engines."""
        if self._process is None:
            raise self._failure("was not started")
        return psutil.Process(self._process.pid)

    @property
    def environment(self) -> dict[str, str]:
        """The variables it runs with."""
        return processes.clean_environment() | {
            "NPUCONSOLE_HOME": str(self.home),
            "NPU_PROXY_HOST": self._address.host,
            "NPU_PROXY_PORT": str(self._address.port),
            "NPU_PROXY_DEVICE": self.device,
            **self._variables,
        }

    async def start(self) -> None:
        """Start the server on a port of its own."""
        self._address = Address("127.0.0.1", processes.free_port())
        command = [sys.executable, "manage.py", "serve"]
        self._process = processes.start(command, self._log, environment=self.environment)

    async def install(self) -> None:
        """Start it and wait until its first start has fetched the starter. Takes up to minutes."""
        await self.start()
        deadline = time.monotonic() + INSTALL_SECONDS
        said = ""
        while not await self._has_model():
            if time.monotonic() > deadline:
                raise self._failure("did not install the starter model in time")
            state = await self._health_words()
            if state != said:
                print(f"  {state}", flush=True)
                said = state
            await asyncio.sleep(1.0)
        await self.stop()

    async def first_token(self, prompt: Prompt) -> float:
        """Ask until it streams."""
        deadline = time.monotonic() + START_SECONDS
        refusal = "nobody listens"
        while time.monotonic() < deadline:
            self._check_alive()
            try:
                answer = await client.stream(self._address, "/api/generate", self._body(prompt, 4))
                return self._as_trace(answer).arrivals[0]
            except (Refused, OSError) as error:
                refusal = str(error)
            await asyncio.sleep(client.RETRY_SECONDS)
        raise self._failure(f"gave no first token ({refusal})")

    async def generate(self, prompts: Sequence[Prompt], tokens: int) -> list[Trace]:
        """One connection per prompt, all at once."""
        bodies = [self._body(prompt, tokens) for prompt in prompts]
        try:
            answers = await asyncio.gather(
                *(client.stream(self._address, "/api/generate", body) for body in bodies)
            )
        except (Refused, OSError, TimeoutError) as error:
            raise self._failure(f"did not stream ({error!r})") from error
        traces = [self._as_trace(answer) for answer in answers]
        check(traces, prompts, tokens, self.name)
        return traces

    def parts(self) -> list[Part]:
        """The server and its engine worker."""
        if self._process is None:
            return []
        found = []
        for process in processes.relatives(self._process.pid):
            role = "server" if process.pid == self._process.pid else _role(process)
            found.append(Part(role, processes.mebibytes(process), processes.cpu_seconds(process)))
        return found

    async def stop(self) -> None:
        """SIGTERM, as a service manager would."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(processes.end, process)

    def _body(self, prompt: Prompt, tokens: int) -> dict[str, Any]:
        return {
            "model": self.model,
            "prompt": prompt.text,
            "raw": True,
            "stream": True,
            "keep_alive": -1,
            "options": {"num_predict": tokens, "temperature": 0, "ignore_eos": True},
        }

    def _as_trace(self, answer: Answer) -> Trace:
        last = answer.frames[-1][1]
        if "error" in last or not last.get("done"):
            raise self._failure(f"broke off: {last.get('error', last)}")
        return client.as_trace(
            answer,
            text_field="response",
            tokens=int(last.get("eval_count", 0)),
            prompt_tokens=int(last.get("prompt_eval_count", 0)),
        )

    async def _has_model(self) -> bool:
        self._check_alive()
        try:
            status, body = await client.get(self._address, "/api/tags")
        except (OSError, TimeoutError):
            return False
        if status != 200:
            return False
        return any(model["name"] == self.model for model in json.loads(body)["models"])

    async def _health_words(self) -> str:
        try:
            _, body = await client.get(self._address, "/health")
            return f"waiting for {self.model}: {json.loads(body).get('status', '')}"
        except (OSError, TimeoutError, ValueError):
            return "waiting for the server"

    def _check_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise self._failure("ended")

    def _failure(self, what: str) -> CannotMeasure:
        said = processes.last_lines(self._log)
        return CannotMeasure(f"the appliance {what}; its log says:\n{said}")


def _role(process: psutil.Process) -> str:
    try:
        return "worker" if "inference.worker" in process.cmdline() else "helper"
    except psutil.Error:
        return "helper"
