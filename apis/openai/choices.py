"""Several answers to one request, as so many generations at once: `n`, and lists of prompts.

The first to fail ends the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.http.response import HttpResponseBase

from apis.answers import FrameStream, JsonAnswer, route_headers
from apis.calls import Call
from apis.streams import SILENCE_SECONDS, Answer, FrameWriter, collect, frames_of, told
from inference import dispatch
from inference.errors import InferenceError
from inference.generation import Generation
from inference.requests import Event, Failed, Finished, GenerationRequest

AT_ONCE = 16
"""Generations of one request that run or wait in a line together."""
STEPS_WAITING = 32
"""Steps of all of them that may wait for a slow reader."""


class Progress(Protocol):
    """How far an answer is; a generation tells it."""

    @property
    def prompt_ids(self) -> Sequence[int]:
        """The prompt's tokens."""

    @property
    def completion_ids(self) -> Sequence[int]:
        """The answer's so far."""


class Frames(Protocol):
    """How an endpoint writes all answers to one request."""

    stream_type: str
    answer_type: str

    def choice(self, index: int, progress: Progress) -> FrameWriter:
        """The writer of one of them."""

    def end(self, finished: Sequence[Finished]) -> bytes:
        """What follows the last frame of the last of them."""

    def failed(self, error: InferenceError) -> bytes:
        """The last frame of a stream that broke."""

    def whole(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """The one object of answers that are not streamed."""


def variant(request: GenerationRequest, index: int, *, seed_step: int) -> GenerationRequest:
    """The request of one of the answers. From one seed each draws otherwise by `seed_step`; all but
    the first have a number at the end of their ids."""
    seed = request.sampling.seed
    return replace(
        request,
        request_id=f"{request.request_id}_{index}" if index else request.request_id,
        sampling=replace(request.sampling, seed=None if seed is None else seed + seed_step),
    )


async def answer_several(
    call: Call, requests: Sequence[GenerationRequest], frames: Frames, *, stream: bool
) -> HttpResponseBase:
    """Generate all of them and answer. Waits for the first token of any when streaming, else for
    the last of all. Raises InferenceError."""
    if stream:
        return await _stream(call, requests, frames)
    generation, answers = await _collect_all(requests)
    headers = route_headers(generation.route, generation.ignored)
    return JsonAnswer(frames.whole(answers), content_type=frames.answer_type, headers=headers)


async def _collect_all(
    requests: Sequence[GenerationRequest],
) -> tuple[Generation, list[Answer]]:
    """The first of the generations, and every answer."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(request: GenerationRequest) -> tuple[Generation, Answer]:
        async with turns:
            generation = await dispatch.generate(request)
            return generation, await collect(generation)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(request)) for request in requests]
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None
    done = [task.result() for task in tasks]
    return done[0][0], [answer for _, answer in done]


async def _stream(
    call: Call, requests: Sequence[GenerationRequest], frames: Frames
) -> HttpResponseBase:
    several = _Several(requests)
    try:
        first = await several.next_step()
    except BaseException:
        await several.close()
        raise
    generation = first.generation
    return FrameStream(
        _write(call, several, first, frames),
        content_type=frames.stream_type,
        headers=route_headers(generation.route, generation.ignored),
        release=several.close,
    )


async def _write(
    call: Call, several: _Several, first: _Step, frames: Frames
) -> AsyncGenerator[bytes, None]:
    """One piece per step of any; an error becomes the last frame, and a line in the log."""
    writers: dict[int, FrameWriter] = {}
    finished: dict[int, Finished] = {}
    step: _Step | None = first
    sent_at = time.monotonic()
    try:
        while len(finished) < several.count:
            step = step or await several.next_step()
            piece = b""
            writer = writers.get(step.index)
            if writer is None:
                writer = writers[step.index] = frames.choice(step.index, step.generation)
                piece = writer.opening()
            for event in step.events:
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, Finished):
                    finished[step.index] = event
                piece += frames_of(event, writer, call)
            step = None
            now = time.monotonic()
            if not piece and now - sent_at > SILENCE_SECONDS:
                piece = writer.ping()
            if piece:
                yield piece
                sent_at = now
        yield frames.end([finished[index] for index in range(several.count)])
    except Exception as error:  # the status is out already, so any error becomes a frame
        yield frames.failed(told(call, error))


@dataclass(frozen=True, slots=True)
class _Step:
    """What one step of an engine gave one of the generations."""

    index: int
    generation: Generation
    events: tuple[Event, ...] = ()


class _Several:
    """Owns the tasks that run the generations. `close` it in any case."""

    def __init__(self, requests: Sequence[GenerationRequest]) -> None:
        self.count = len(requests)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._steps: asyncio.Queue[_Step | Exception] = asyncio.Queue(STEPS_WAITING)
        self._tasks = [
            asyncio.create_task(self._run(index, request), name="one of several answers")
            for index, request in enumerate(requests)
        ]

    async def next_step(self) -> _Step:
        """The next step of any, the first one of each without events. Raises what a generation
        could not begin with."""
        step = await self._steps.get()
        if isinstance(step, Exception):
            raise step
        return step

    async def close(self) -> None:
        """End what still runs. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, index: int, request: GenerationRequest) -> None:
        try:
            async with self._turns, AsyncExitStack() as stack:
                generation = await stack.enter_async_context(await dispatch.generate(request))
                await self._steps.put(_Step(index, generation))
                async for events in generation:
                    await self._steps.put(_Step(index, generation, events))
        except Exception as error:  # told by whoever waits for the next step
            await self._steps.put(error)
