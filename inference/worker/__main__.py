"""One engine process: `python -m inference.worker`, with its job as one line on standard input.

It connects back to the server over loopback, loads, and serves until the link closes. A closed link
ends it at once, whatever it is doing, so no engine outlives its server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence

from inference.worker.protocol import (
    Chunk,
    Embedded,
    Job,
    ProtocolError,
    decode_embed,
    decode_job,
    decode_request,
    encode,
    encode_embedded,
    encode_step,
    read_message,
)
from inference.worker.reasons import readable
from inference.worker.runtime import EmbeddingEngine, Runtime

BEAT_SECONDS = 1.0


def main() -> None:
    """Read the job, then serve it. Exit code 2: the job could not be read."""
    # Ctrl-C reaches the whole console group; the server decides when its engines end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job = decode_job(sys.stdin.buffer.readline())
    except ProtocolError as error:
        sys.exit(str(error))
    asyncio.run(serve(job))


async def serve(job: Job) -> None:
    """Connect, load, run. Ends with the link, or after saying why the model cannot be loaded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
    writer.write(encode({"type": "hello", "token": job.token, "pid": os.getpid()}))
    loading = asyncio.get_running_loop().create_future()
    commands = asyncio.create_task(_obey(reader, loading))
    beats = asyncio.create_task(_beat(writer))
    started = time.perf_counter()
    try:
        runtime = await asyncio.get_running_loop().run_in_executor(None, load, job)
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        writer.write(encode({"type": "load_failed", "error": readable(error)}))
        await writer.drain()
        await commands
        beats.cancel()
        return
    loading.set_result(runtime)
    load_seconds = time.perf_counter() - started
    writer.write(encode({"type": "ready", "load_seconds": load_seconds, "facts": runtime.facts()}))

    async def send(news: Sequence[Chunk] | Embedded) -> None:
        frame = encode_embedded(news) if isinstance(news, Embedded) else encode_step(news)
        writer.write(frame)
        await writer.drain()

    running = asyncio.create_task(runtime.run(send))
    done, _ = await asyncio.wait({commands, running, beats}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def load(job: Job) -> Runtime:
    """The loaded engine of that job. Imports only what it needs. Raises RuntimeError from
    OpenVINO."""
    if job.runtime == "batched":
        from inference.worker.batched import BatchedRuntime

        return BatchedRuntime(job)
    if job.runtime == "npu":
        from inference.worker.npu import NpuRuntime

        return NpuRuntime(job)
    if job.runtime in ("embedding", "echo-embedding"):
        from inference.worker.embedding import EmbeddingRuntime

        return EmbeddingRuntime(job)
    if job.runtime == "echo":
        from inference.worker.echo import EchoRuntime

        return EchoRuntime(job)
    raise ValueError(f"no runtime is called {job.runtime}")


async def _beat(writer: asyncio.StreamWriter) -> None:
    """A sign of life every second, from the first moment on: a load lets the loop turn, and so do
    the steps of an engine that is well."""
    while True:
        writer.write(encode({"type": "beat"}))
        await writer.drain()
        await asyncio.sleep(BEAT_SECONDS)


async def _obey(reader: asyncio.StreamReader, loading: asyncio.Future[Runtime]) -> None:
    """Handle what the server says from the first moment on: it may close the link while the model
    still loads, and native threads inside a compile or a step cannot be waited for."""
    while (message := await read_message(reader)) is not None:
        kind = message["type"]
        if kind == "shutdown":
            break
        runtime = await loading
        if kind == "generate":
            runtime.submit(decode_request(message))
        elif kind == "embed" and isinstance(runtime, EmbeddingEngine):
            runtime.embed(decode_embed(message))
        elif kind == "cancel":
            runtime.cancel(message["number"])
    os._exit(0)


if __name__ == "__main__":
    main()
