"""The embedding engine inside its process, with a tiny encoder that was really imported."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.catalog.encoders.importing import import_encoder
from inference.worker.embedding import EmbeddingRuntime
from inference.worker.protocol import Chunk, Embedded, EmbedRequest, EngineRequest, Job
from tests.catalog.encoder_reference import reference_embedding
from tests.catalog.tiny_encoder import WIDTH, tiny_encoder, write_encoder

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
ROUNDING = 5e-3
"""Of the weights to f16; wrong vectors are off by whole numbers."""
EMULATED = {"NPU_USE_NPUW": "YES", "NPUW_DEVICES": "CPU", "NPUW_ONLINE_PIPELINE": "NONE"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = write_encoder(tmp_path_factory.mktemp("embedding") / "source")
    import_encoder(source, source.parent / "imported", lambda step, share: None)
    return source.parent / "imported"


def job(folder: Path, device: str = "CPU", runtime: str = "embedding") -> Job:
    properties: dict[str, Any] = EXACT | (EMULATED if device == "NPU" else {})
    return Job(0, "", runtime, str(folder), device, properties)


class Engine:
    """A runtime that runs, and what it has sent."""

    def __init__(self, runtime: EmbeddingRuntime) -> None:
        self.runtime = runtime
        self.sent: asyncio.Queue[Chunk | Embedded] = asyncio.Queue()

    async def send(self, news: Sequence[Chunk] | Embedded) -> None:
        for item in [news] if isinstance(news, Embedded) else news:
            self.sent.put_nowait(item)

    async def answers(self, count: int) -> dict[int, Embedded]:
        found = [await self.sent.get() for _ in range(count)]
        return {item.number: item for item in found if isinstance(item, Embedded)}


@asynccontextmanager
async def running(runtime: EmbeddingRuntime) -> AsyncIterator[Engine]:
    engine = Engine(runtime)
    task = asyncio.create_task(runtime.run(engine.send))
    try:
        async with asyncio.timeout(30):
            yield engine
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def vectors(answer: Embedded) -> NDArray[np.float32]:
    assert answer.error == ""
    return np.frombuffer(base64.b64decode(answer.vectors), "<f4").reshape(-1, WIDTH)


def expected(texts: list[list[int]]) -> NDArray[np.float64]:
    encoder = tiny_encoder()
    return np.array([reference_embedding(encoder, text, "mean_tokens") for text in texts])


TEXTS = [[2, 4, 3], [2, 4, 5, 6, 7, 8, 9, 10, 3], [2, 3], [2, *range(4, 15), 3]]


@pytest.mark.parametrize("device", ["CPU", "NPU"])
async def test_vectors_come_in_the_order_of_the_texts(folder: Path, device: str) -> None:
    async with running(EmbeddingRuntime(job(folder, device))) as engine:
        engine.runtime.embed(EmbedRequest(1, TEXTS))
        answer = (await engine.answers(1))[1]

    assert np.abs(vectors(answer) - expected(TEXTS)).max() < ROUNDING
    assert answer.seconds > 0


async def test_requests_that_wait_together_share_steps(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = EmbeddingRuntime(job(folder))
    steps: list[int] = []
    embed = runtime._encoder.embed
    monkeypatch.setattr(
        runtime._encoder, "embed", lambda texts: (steps.append(len(texts)), embed(texts))[1]
    )
    for number in range(5):
        runtime.embed(EmbedRequest(number, TEXTS))

    async with running(runtime) as engine:
        answers = await engine.answers(5)

    assert steps == [20]
    for answer in answers.values():
        assert np.abs(vectors(answer) - expected(TEXTS)).max() < ROUNDING


async def test_a_short_request_does_not_wait_for_a_long_one(folder: Path) -> None:
    runtime = EmbeddingRuntime(job(folder))
    too_long_to_share_a_step = [2, *([4, 5] * 19), 3]
    runtime.embed(EmbedRequest(1, [too_long_to_share_a_step] * 400))
    runtime.embed(EmbedRequest(2, [[2, 4, 3]]))

    async with running(runtime) as engine:
        first = await engine.sent.get()
        second = await engine.sent.get()

    assert (first.number, second.number) == (2, 1)


async def test_a_cancelled_request_is_not_answered_and_the_others_are(folder: Path) -> None:
    runtime = EmbeddingRuntime(job(folder))
    for number in (1, 2, 3):
        runtime.embed(EmbedRequest(number, TEXTS))
    runtime.cancel(2)
    runtime.cancel(99)

    async with running(runtime) as engine:
        answers = await engine.answers(2)

    assert set(answers) == {1, 3}
    assert engine.sent.empty()


async def test_a_request_cancelled_during_its_step_is_forgotten(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = EmbeddingRuntime(job(folder))
    begun, may_end = threading.Event(), threading.Event()
    embed = runtime._encoder.embed

    def slow(texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        begun.set()
        may_end.wait(20)
        return embed(texts)

    monkeypatch.setattr(runtime._encoder, "embed", slow)
    runtime.embed(EmbedRequest(1, TEXTS))
    runtime.embed(EmbedRequest(2, TEXTS))

    async with running(runtime) as engine:
        await asyncio.to_thread(begun.wait, 20)
        runtime.cancel(1)
        may_end.set()
        answers = await engine.answers(1)

    assert set(answers) == {2}
    assert np.abs(vectors(answers[2]) - expected(TEXTS)).max() < ROUNDING


async def test_a_step_that_fails_fails_its_requests_and_the_engine_goes_on(folder: Path) -> None:
    async with running(EmbeddingRuntime(job(folder))) as engine:
        # More positions than the tiny network has; the server never sends that.
        engine.runtime.embed(EmbedRequest(1, [[4] * 200]))
        failed = (await engine.answers(1))[1]
        engine.runtime.embed(EmbedRequest(2, TEXTS))
        answer = (await engine.answers(1))[2]

    assert failed.error
    assert "\n" not in failed.error
    assert np.abs(vectors(answer) - expected(TEXTS)).max() < ROUNDING


async def test_what_an_encoder_cannot_do_is_refused(folder: Path) -> None:
    async with running(EmbeddingRuntime(job(folder))) as engine:
        engine.runtime.submit(EngineRequest(1, [4], 5))
        chunk = await engine.sent.get()
        engine.runtime.embed(EmbedRequest(2, []))
        empty = await engine.sent.get()

    assert isinstance(chunk, Chunk)
    assert (chunk.finish, chunk.error) == ("refused", "the engine only embeds")
    assert isinstance(empty, Embedded)
    assert empty.error == "there is nothing to embed"


async def test_the_echo_gives_equal_vectors_for_equal_texts(folder: Path) -> None:
    async with running(EmbeddingRuntime(job(folder, runtime="echo-embedding"))) as engine:
        engine.runtime.embed(EmbedRequest(1, [[4], [5], [4]]))
        rows = vectors((await engine.answers(1))[1])

    assert np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])
