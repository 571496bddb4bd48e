"""Embedding: texts of all requests share an encoder's steps.

OpenVINO releases the interpreter lock while it computes, so the event loop takes in new requests
during a step, and they are part of the next one.
"""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inference.worker.batching import Text, choose_step, in_waiting_order
from inference.worker.encoder import Vectors, load_encoder
from inference.worker.protocol import Chunk, Embedded, EmbedRequest, EngineRequest, Job
from inference.worker.reasons import readable
from inference.worker.runtime import Send


@dataclass(slots=True)
class _Work:
    """A request under way: what waits, longest first, and the vectors that are there, by place."""

    waiting: list[Text]
    count: int
    rows: dict[int, Vectors] = field(default_factory=dict)
    seconds: float = 0.0


class EmbeddingRuntime:
    """One encoder for all requests. The constructor loads and compiles it."""

    def __init__(self, job: Job) -> None:
        self._encoder = load_encoder(job)
        self._work: dict[int, _Work] = {}
        self._refused: list[Chunk | Embedded] = []
        self._wake = asyncio.Event()

    def facts(self) -> dict[str, Any]:
        """Nothing beyond what the job says."""
        return {}

    def submit(self, request: EngineRequest) -> None:
        """An encoder generates nothing."""
        refusal = "the engine only embeds"
        self._refused.append(Chunk(request.number, [], "", "refused", error=refusal))
        self._wake.set()

    def embed(self, request: EmbedRequest) -> None:
        """Into the next steps. Its turn comes after those of the requests before it."""
        waiting = in_waiting_order(request.number, request.texts)
        if waiting:
            self._work[request.number] = _Work(waiting, len(waiting))
        else:
            self._refused.append(Embedded(request.number, "", 0.0, "there is nothing to embed"))
        self._wake.set()

    def cancel(self, number: int) -> None:
        """What it still waits for is not computed; a step under way is not interrupted."""
        self._work.pop(number, None)

    async def run(self, send: Send) -> None:
        """One step after another while anything waits."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._work and not self._refused:
                self._wake.clear()
                await self._wake.wait()
            if self._refused:
                refused = self._refused.pop(0)
                await send(refused if isinstance(refused, Embedded) else [refused])
                continue
            texts = self._take_step()
            began = time.perf_counter()
            try:
                ids = [text.ids for text in texts]
                vectors = await loop.run_in_executor(None, self._encoder.embed, ids)
            except RuntimeError as error:
                answers = self._fail(texts, readable(error))
            else:
                answers = self._keep(texts, vectors, time.perf_counter() - began)
            self._end_turn(texts[0].number)
            for answer in answers:
                await send(answer)

    def _take_step(self) -> list[Text]:
        """The texts of the next step."""
        texts = choose_step(
            [work.waiting for work in self._work.values()], self._encoder.tokens_a_step
        )
        taken = {(text.number, text.place) for text in texts}
        for number in dict.fromkeys(text.number for text in texts):
            work = self._work[number]
            work.waiting = [t for t in work.waiting if (number, t.place) not in taken]
        return texts

    def _end_turn(self, number: int) -> None:
        """The request that chose a step goes behind all others, those that came during the step
        among them."""
        if (work := self._work.pop(number, None)) is not None:
            self._work[number] = work

    def _keep(self, texts: list[Text], vectors: Vectors, seconds: float) -> list[Embedded]:
        """Hand every vector to its request; the answers of those that are complete now."""
        for text, vector in zip(texts, vectors, strict=True):
            if (work := self._work.get(text.number)) is not None:
                work.rows[text.place] = vector
        answers = []
        for number in dict.fromkeys(text.number for text in texts):
            if (work := self._work.get(number)) is None:
                continue  # cancelled during the step
            work.seconds += seconds
            if len(work.rows) == work.count:
                del self._work[number]
                rows = np.stack([work.rows[place] for place in range(work.count)])
                encoded = base64.b64encode(rows.astype("<f4").tobytes()).decode("ascii")
                answers.append(Embedded(number, encoded, work.seconds))
        return answers

    def _fail(self, texts: list[Text], error: str) -> list[Embedded]:
        """Every request of a step that raised fails; the engine lives."""
        numbers = dict.fromkeys(text.number for text in texts)
        return [
            Embedded(number, "", work.seconds, error)
            for number in numbers
            if (work := self._work.pop(number, None)) is not None
        ]
