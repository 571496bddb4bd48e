"""The machinery of one engine process: start, link, requests, stop.

States: starting (spawned, not yet linked), loading, ready, stopping, ended. A closed link ends the
process and fails every request on it at once; so does silence: a worker beats every second, and one
that does not is stopped by force. The process gets its one-time token on standard input
and connects back over loopback TCP, which is the same on every system.
`subprocess` and not asyncio's: daphne's loop on Windows cannot start processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from inference.errors import EngineFailed
from inference.residency.rate import RateMeter
from inference.residency.stream import EngineStream
from inference.worker.protocol import (
    Chunk,
    Embedded,
    EmbedRequest,
    EngineRequest,
    Job,
    ProtocolError,
    decode_embedded,
    encode,
    encode_embed,
    encode_generate,
    encode_job,
    read_message,
)

log = logging.getLogger(__name__)

PROJECT_ROOT = Path(__file__).resolve().parents[2]
CONNECT_SECONDS = 30.0
STOP_SECONDS = 2.0
BEAT_CHECK_SECONDS = 1.0
MEMORY_SIGNS = ("out of memory", "bad_alloc", "memory size", "cannot allocate", "out_of_")
"""In error texts of OpenVINO and of drivers, when a load found too little memory."""


class LoadFailed(Exception):
    """The engine could not be loaded; the text says why and is safe to show. `reason` is one of the
    router's: load_failed or out_of_memory when OpenVINO refused, engine_failed or engine_stalled
    when the process died or hung, which may go well the next time."""

    def __init__(self, message: str, *, reason: str = "load_failed") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine may take, in seconds: to load, and between two signs of life."""

    load: float = 600.0
    silence: float = 30.0


class State(StrEnum):
    """Where in its life the process is."""

    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    STOPPING = "stopping"
    ENDED = "ended"


class EngineProcess:
    """One worker. All methods belong to the event loop's thread; none blocks it."""

    def __init__(self, job: Job, *, on_end: Callable[[], None]) -> None:
        self.state = State.STARTING
        self.load_seconds = 0.0
        self.rate = RateMeter()
        self.job = job
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._streams: dict[int, EngineStream] = {}
        self._vectors: dict[int, asyncio.Future[Embedded]] = {}
        self._numbers = 0
        self._last_words: deque[str] = deque(maxlen=20)
        self._silent_checks = 0
        self._watching: asyncio.Task[None] | None = None
        self._hang: EngineFailed | None = None
        self._exited = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The worker's process id once it runs."""
        return self._process.pid if self._process else None

    @property
    def is_ready(self) -> bool:
        """Whether requests may be submitted."""
        return self.state == State.READY

    @property
    def end_reason(self) -> str:
        """Why a ready process ended by itself: one of the router's reasons."""
        return self._hang.reason if self._hang else "engine_failed"

    @property
    def end_text(self) -> str:
        """The same in words that are safe to show."""
        if self._hang:
            return str(self._hang)
        code = self._process.poll() if self._process else None
        return f"the engine process ended unexpectedly with code {code}"

    async def start(self, patience: Patience) -> None:
        """Spawn, link and load; returns when the engine is ready. Raises LoadFailed (the process is
        gone then). Cancelling it kills the process."""
        try:
            async with asyncio.timeout(patience.load):
                reader = await self._spawn_and_link()
                self.state = State.LOADING
                self._watching = asyncio.create_task(self._watch_beats(patience.silence))
                message = await self._next_message(reader)
        except TimeoutError as error:
            await self.stop()
            raise LoadFailed(f"not loaded within {patience.load:.0f} s") from error
        except ProtocolError as error:
            await self.stop()
            raise LoadFailed(str(error)) from error
        except OSError as error:
            await self.stop()
            log.exception("the engine process could not be started")
            text = f"the engine process could not be started ({error.errno})"
            raise LoadFailed(text) from error
        except BaseException:
            await asyncio.shield(self.stop())
            raise
        if message is None or message["type"] != "ready":
            await self.stop()
            raise self._load_failure(message)
        self.load_seconds = message["load_seconds"]
        self.state = State.READY
        self._reading = asyncio.create_task(self._read(reader))

    def submit(self, request: EngineRequest) -> tuple[int, EngineStream]:
        """Hand a generation over; its tokens come through the stream. `request.number` is replaced
        by this process's next one, which is returned. Raises EngineFailed if the engine is gone."""
        if not self.is_ready or self._writer is None:
            raise EngineFailed("the engine is not running")
        self._numbers += 1
        number = self._numbers
        stream = self._streams[number] = EngineStream()
        self._writer.write(encode_generate(replace(request, number=number)))
        return number, stream

    def embed(self, texts: list[list[int]]) -> tuple[int, asyncio.Future[Embedded]]:
        """Hand texts over as ids; their vectors come as the future's result. Raises EngineFailed if
        the engine is gone; the future raises it when the engine goes."""
        if not self.is_ready or self._writer is None:
            raise EngineFailed("the engine is not running")
        self._numbers += 1
        number = self._numbers
        answer = self._vectors[number] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_look_at)
        self._writer.write(encode_embed(EmbedRequest(number, texts)))
        return number, answer

    def cancel(self, number: int) -> None:
        """Stop that request in the engine and forget its stream or future."""
        known = self._streams.pop(number, None) or self._vectors.pop(number, None)
        if known is not None and self.is_ready and self._writer is not None:
            self._writer.write(encode({"type": "cancel", "number": number}))

    def give_up(self, error: EngineFailed) -> None:
        """Stop it by force because it hangs; every request on it fails with that error."""
        if self.is_ready:
            self._hang = error
            self._fail_streams(error)
            self._kill()

    async def stop(self) -> None:
        """End the process: politely for two seconds, then by force. Every byte is returned when
        this returns. Requests still on it fail. Safe to call twice and in every state."""
        if self.state == State.ENDED:
            return
        if self.state == State.STOPPING:
            await self._ended.wait()
            return
        self.state = State.STOPPING
        if self._writer is not None:
            with contextlib.suppress(ConnectionError):
                self._writer.write(encode({"type": "shutdown"}))
        await self._reap()

    async def _spawn_and_link(self) -> asyncio.StreamReader:
        token = secrets.token_hex(16)
        linked: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            hello = await read_message(reader)
            offered = str(hello.get("token", "")) if hello else ""
            if linked.done() or not secrets.compare_digest(offered, token):
                writer.close()
            else:
                linked.set_result((reader, writer))

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        try:
            port = server.sockets[0].getsockname()[1]
            job = replace(self.job, port=port, token=token)
            self._process = await asyncio.to_thread(_spawn, job)
            self._watch(self._process)
            exited = asyncio.create_task(self._exited.wait())
            waits: set[asyncio.Future[Any]] = {linked, exited}
            await asyncio.wait(waits, timeout=CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            exited.cancel()
            if not linked.done():
                raise LoadFailed(self._death_note(), reason="engine_failed")
        finally:
            server.close()
        reader, self._writer = linked.result()
        return reader

    async def _next_message(self, reader: asyncio.StreamReader) -> dict[str, Any] | None:
        """The next message that is no mere sign of life."""
        while (message := await read_message(reader)) is not None:
            self._silent_checks = 0
            if message["type"] != "beat":
                return message
        return None

    async def _watch_beats(self, silence_seconds: float) -> None:
        """Counts our own turns without a sign of life, not the clock: a machine that slept has
        missed none. A hung process never closes its link, so it is killed."""
        while True:
            await asyncio.sleep(BEAT_CHECK_SECONDS)
            self._silent_checks += 1
            if self._silent_checks * BEAT_CHECK_SECONDS > silence_seconds:
                log.warning("engine %s gave no sign of life for %g s", self.pid, silence_seconds)
                self._hang = EngineFailed("the model's engine hangs", reason="engine_stalled")
                self._fail_streams(self._hang)
                self._kill()
                return

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        streams = self._streams
        try:
            while (message := await self._next_message(reader)) is not None:
                if message["type"] == "embedded":
                    self._hand_over(decode_embedded(message))
                    continue
                tokens = 0
                for entry in message["chunks"]:
                    chunk = Chunk(*entry)
                    tokens += len(chunk.token_ids)
                    stream = streams.get(chunk.number)
                    if stream is not None:
                        stream.push(chunk)
                        if chunk.finish:
                            del streams[chunk.number]
                self.rate.add(tokens)
        except ProtocolError:
            log.exception("engine process %s broke the protocol", self.pid)
        if self.state == State.READY:
            self.state = State.STOPPING
            self._fail_streams()
            await self._reap()

    async def _reap(self) -> None:
        """Wait for the process, kill it when it lingers, close the link, tell the owner."""
        process = self._process
        if process is not None:
            try:
                await asyncio.wait_for(self._exited.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await self._exited.wait()
        self._fail_streams()
        if self._writer is not None:
            self._writer.close()
        if self._watching is not None:
            self._watching.cancel()
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
        self.state = State.ENDED
        self._ended.set()
        self._on_end()

    def _hand_over(self, answer: Embedded) -> None:
        waiting = self._vectors.pop(answer.number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail_streams(self, error: EngineFailed | None = None) -> None:
        error = error or EngineFailed(
            "the model's engine stopped unexpectedly, the server's log may tell"
        )
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(error)
        vectors, self._vectors = self._vectors, {}
        for waiting in vectors.values():
            if not waiting.done():
                waiting.set_exception(error)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """A thread of its own keeps the worker's last words and sees it end: the pool's few threads
        must not wait for a whole process life."""
        loop = asyncio.get_running_loop()

        def watch() -> None:
            assert process.stderr is not None
            with process.stderr:
                for line in process.stderr:
                    text = line.decode("utf-8", "replace").rstrip()
                    self._last_words.append(text)
                    log.debug("engine %s: %s", process.pid, text)
            process.wait()
            with contextlib.suppress(RuntimeError):  # the loop may be closed already
                loop.call_soon_threadsafe(self._exited.set)

        threading.Thread(target=watch, name=f"engine-{process.pid}", daemon=True).start()

    def _load_failure(self, message: dict[str, Any] | None) -> LoadFailed:
        if message is not None:
            text = str(message["error"])
            is_memory = any(sign in text.lower() for sign in MEMORY_SIGNS)
            return LoadFailed(text, reason="out_of_memory" if is_memory else "load_failed")
        if self._hang is not None:
            return LoadFailed("the engine process hung while loading", reason="engine_stalled")
        return LoadFailed(self._death_note(), reason="engine_failed")

    def _death_note(self) -> str:
        code = self._process.poll() if self._process else None
        log.warning("engine process ended with %s: %s", code, " | ".join(self._last_words))
        return f"the engine process ended with code {code} while loading"


def _look_at(answer: asyncio.Future[Embedded]) -> None:
    """Its error counts as seen: who asked may have left with another one."""
    if not answer.cancelled():
        answer.exception()


def _spawn(job: Job) -> subprocess.Popen[bytes]:
    """Start the worker and hand over its job. Blocks for some milliseconds: call it in a thread."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    process = subprocess.Popen(
        [sys.executable, "-m", "inference.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=PROJECT_ROOT,
        creationflags=flags,
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(encode_job(job))
        process.stdin.close()
    return process
