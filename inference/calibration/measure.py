"""Measuring one pair: cold start, warm start, then prompt after prompt beside the CPU's answers.

Engines run one after another, never two at once: the device cold (a pair that does not load costs
no more), the CPU with the same weights for its answers, the device warm for everything else.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from inference import environment, snapshot
from inference.calibration.agreement import Agreement, Bucket, agree, verdict
from inference.calibration.passports import PassportDraft, read_plugins
from inference.calibration.prompts import (
    ANSWER_TOKENS,
    make_prompts,
    prompt_lengths,
)
from inference.calibration.sandbox import Answer, EngineTrouble, SandboxedEngine, sandbox
from inference.calibration.versions import SETTINGS, settings_of, versions_of
from inference.database import in_database_thread
from inference.errors import InvalidRequest
from inference.planning import resolve_model
from inference.prompts.tokens import tokenizer_of
from inference.residency.spec import EngineSpec, choose_variant, engine_spec
from inference.snapshot import DeviceInfo, ModelInfo, Snapshot, VariantInfo

Reserve = Callable[[EngineSpec], AbstractAsyncContextManager[None]]
"""Makes room for an engine of that spec on its device, and keeps others off meanwhile."""

REFERENCE_SHARE = 0.4
"""Of the time limit, for the CPU's answers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one calibration may take. `memory_bytes` 0: the device's budget."""

    seconds: float = 1800.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done, in words; step `number` of `steps`."""

    words: str
    number: int
    steps: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A model on a device, with the variant it would load there."""

    model: ModelInfo
    device: DeviceInfo
    variant: VariantInfo

    def spec(self, picture: Snapshot, folder: Path) -> EngineSpec:
        """What requests would be served by, with compiled blobs in `folder`."""
        return engine_spec(
            self.model, self.variant, self.device, picture.routing, picture.settings, folder
        )


def pair_of(model_name: str, device_name: str, picture: Snapshot) -> Pair:
    """That pair, which can be measured. Raises InferenceError with the reason when it cannot."""
    model = resolve_model(model_name, picture)
    device = picture.device(device_name.upper())
    if not picture.settings.real_inference:
        raise InvalidRequest("real inference is switched off, so there is nothing to measure")
    if "completion" not in model.capabilities:
        raise InvalidRequest(f"{model.name} does not generate text", field="model")
    if device is None:
        raise InvalidRequest(f"there is no device {device_name}", field="device")
    if not device.present:
        raise InvalidRequest(f"{device.name} is not there: {device.absent_reason}", field="device")
    variant = choose_variant(model, device)
    if variant is None:
        raise InvalidRequest(f"{model.name} has no form for {device.name}", field="device")
    return Pair(model, device, variant)


async def calibrate(
    model_name: str,
    device_name: str,
    *,
    reserve: Reserve,
    on_progress: Callable[[Progress], None],
    limits: Limits = Limits(),
) -> PassportDraft:
    """Measure that pair within the limits; minutes. `on_progress` hears what is done.

    What the device cannot do is in the passport. Raises InferenceError for a pair that cannot be
    measured at all, and what `reserve` raises. Cancelling it leaves no process.
    """
    picture = snapshot.current()
    pair = pair_of(model_name, device_name, picture)
    plugins = await in_database_thread(read_plugins)
    folder = environment.home() / "calibrating"
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    measurement = Measurement(pair, picture, folder, reserve, on_progress, limits)
    try:
        await measurement.run()
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return measurement.passport(plugins)


class Measurement:
    """One calibration under way: what was found so far survives a time limit."""

    def __init__(
        self,
        pair: Pair,
        picture: Snapshot,
        folder: Path,
        reserve: Reserve,
        on_progress: Callable[[Progress], None],
        limits: Limits,
    ) -> None:
        self._pair = pair
        self._picture = picture
        self._folder = folder
        self._reserve = reserve
        self._on_progress = on_progress
        self._number = 0
        self._limits = limits
        self._seconds_left = limits.seconds
        self._memory_limit = limits.memory_bytes or pair.device.memory_budget_bytes
        self._spec = pair.spec(picture, folder)
        self._is_static = pair.device.device_class == "NPU"
        self._is_reference = pair.device.device_class == "CPU"
        self._lengths = prompt_lengths(
            self._spec.longest_prompt, self._spec.capacity, is_static=self._is_static
        )
        self._reference: dict[int, list[Answer]] | None = None
        self._cold_seconds = self._warm_seconds = 0.0
        self._memory_bytes = 0
        self._buckets: list[Bucket] = []
        self._failure = ""
        self._note = ""
        if self._lengths[-1] < min(self._spec.longest_prompt, self._spec.capacity - ANSWER_TOKENS):
            self._note = f"prompts over {self._lengths[-1]:,} tokens were not compared"

    async def run(self) -> None:
        """Measure everything, or what the limits allow."""
        try:
            await self._measure()
        except TimeoutError:
            self._note = f"not finished within {self._limits.seconds:g} s"
        except EngineTrouble as trouble:
            self._failure = str(trouble)

    def passport(self, plugins: dict[str, str]) -> PassportDraft:
        """What was found."""
        pair, spec = self._pair, self._spec
        found = verdict(
            self._buckets,
            last_length=self._lengths[-1],
            longest_prompt=spec.longest_prompt,
            is_static=self._is_static,
            failure=self._failure,
            note=self._note,
        )
        versions = versions_of(pair.model, pair.variant, pair.device, plugins)
        return PassportDraft(
            model=pair.model.name,
            device=pair.device.name,
            weight_format=pair.variant.weight_format,
            versions={**versions, SETTINGS: settings_of(spec)},
            is_verified=found.is_verified,
            reason=found.reason,
            verified_prompt_tokens=found.verified_prompt_tokens,
            cold_load_seconds=self._cold_seconds,
            warm_load_seconds=self._warm_seconds,
            memory_bytes=self._memory_bytes,
            buckets=tuple(self._buckets),
        )

    def _say(self, words: str) -> None:
        self._number += 1
        rounds = 1 if self._is_reference else 2
        steps = 1 + rounds * (1 + len(self._lengths))
        self._on_progress(Progress(words, self._number, max(steps, self._number)))

    async def _measure(self) -> None:
        name = self._pair.device.name
        try:
            tokenizer = await tokenizer_of(self._pair.variant.folder)
        except Exception as error:  # the tokenizers library raises nothing more special
            raise EngineTrouble("the model's tokenizer cannot be read") from error
        prompts = await asyncio.to_thread(make_prompts, tokenizer, self._lengths)
        self._say(f"loading on {name} for the first time")
        async with self._engine(self._spec) as engine:
            self._cold_seconds = engine.load_seconds
        if not self._is_reference:
            await self._ask_the_cpu(prompts)
        self._say(f"loading on {name} again")
        async with self._engine(self._spec) as engine:
            self._warm_seconds = engine.load_seconds
            try:
                await self._ask(engine, prompts)
            finally:
                self._memory_bytes = engine.peak_bytes

    @asynccontextmanager
    async def _engine(
        self, spec: EngineSpec, *, most_seconds: float = math.inf
    ) -> AsyncIterator[SandboxedEngine]:
        """An engine for what is left of the time limit. Waiting for room does not count: a device
        in use is no fault of the pair. Raises TimeoutError."""
        async with self._reserve(spec):
            began = time.monotonic()
            try:
                async with (
                    asyncio.timeout(min(self._seconds_left, most_seconds)),
                    sandbox(
                        spec,
                        load_timeout_seconds=self._picture.settings.load_timeout_seconds,
                        memory_bytes=self._memory_limit,
                    ) as engine,
                ):
                    yield engine
            finally:
                self._seconds_left -= time.monotonic() - began

    async def _ask_the_cpu(self, prompts: dict[int, list[list[int]]]) -> None:
        """Its answers with the same weights. Without any, another device than an NPU is measured
        but not compared: that the CPU cannot answer is not its fault."""
        cpu = self._picture.device("CPU")
        if cpu is None or not cpu.present:
            self._note = "not compared: there is no CPU device"
            return
        self._say("loading on CPU, to compare with")
        answers: dict[int, list[Answer]] = {}
        spec = replace(self._pair, device=cpu).spec(self._picture, self._folder)
        try:
            share = self._limits.seconds * REFERENCE_SHARE
            async with self._engine(spec, most_seconds=share) as engine:
                for length in self._lengths:
                    self._say(f"the CPU's answers to prompts of {length:,} tokens")
                    found = [await engine.answer(prompt) for prompt in prompts[length]]
                    answers[length] = found
        except TimeoutError:
            self._note = "the CPU had no time for the answers to longer prompts"
        except EngineTrouble as trouble:
            self._note = f"not compared with the CPU: {trouble}"
        self._reference = answers or None

    async def _ask(self, engine: SandboxedEngine, prompts: dict[int, list[list[int]]]) -> None:
        # The first answer of an engine's life is slower than all others; this one is no prompt of
        # the measurement, so that it is not in the prefix cache.
        await engine.answer(prompts[self._lengths[0]][0][::-1])
        for length in self._lengths:
            if self._reference is not None and length not in self._reference:
                return
            self._say(f"prompts of {length:,} tokens")
            answers = [await engine.answer(prompt) for prompt in prompts[length]]
            agreement = self._compare(length, answers)
            self._buckets.append(
                Bucket(
                    length,
                    agreement.agreed_tokens,
                    agreement.compared_tokens,
                    agreement.is_verified,
                    statistics.median_low(answer.ttft_seconds for answer in answers),
                    statistics.median_low(answer.tokens_per_second for answer in answers),
                )
            )

    def _compare(self, length: int, answers: list[Answer]) -> Agreement:
        own = [answer.token_ids for answer in answers]
        if self._is_reference:
            return agree(own, own)
        if self._reference is None:
            return Agreement(0, 0, is_verified=not self._is_static)
        return agree([answer.token_ids for answer in self._reference[length]], own)
