"""The measurements of `benchmarks.decisions`: medians of single calls, nothing loaded.

Needs Django set up, because planning knows the catalogue.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType

from tokenizers import Tokenizer

from inference import planning
from inference.prompts import tokens
from inference.prompts.estimate import estimate_tokens
from inference.requests import GenerationRequest, Sampling
from inference.router import PairLoad, RequestFacts, choose_route
from inference.snapshot import (
    BucketInfo,
    DeviceInfo,
    ModelInfo,
    PassportInfo,
    RoutingInfo,
    Snapshot,
    VariantInfo,
)

MODEL = "smollm2:135m"
PROMPT_TOKENS = 2000
DECISION_GOAL_US, COUNTING_GOAL_MS = 50.0, 5.0
MICROSECONDS, MILLISECONDS = 1e6, 1e3
LENGTHS = (32, 128, 256, 512, 1024, 1792, 2048, 4096)
REQUEST = RequestFacts(1500, 256)


DOCUMENTS = Path(__file__).parent.parent / "docs"
"""Ordinary text to count: the project's own pages, their lines in ever new order."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of call: the median, the quickest (what a machine does that others keep busy), and
    the goal of the median where there is one."""

    name: str
    seconds: Sequence[float]
    scale: float
    unit: str
    goal: float | None = None

    def __str__(self) -> str:
        middle, quickest = median(self.seconds) * self.scale, min(self.seconds) * self.scale
        verdict = ""
        if self.goal is not None:
            met = "met" if middle <= self.goal else "MISSED"
            verdict = f"   goal {self.goal:g} {self.unit}: {met}"
        return f"{self.name:<50}{middle:8.2f} {self.unit}, at best{quickest:7.2f}{verdict}"


def decisions(folder: Path, repeats: int) -> Iterator[Figure]:
    """The router alone, then with everything around it."""
    for mode, numbers, measured in (
        ("thresholds", 1, False),
        ("thresholds", 1, True),
        ("measured", 1, True),
        ("measured", 3, True),
    ):
        picture = machine(folder, mode, gpus=numbers, measured=measured)
        model = picture.models[MODEL]
        rule = planning.rule_for(model, picture)
        facts = planning.device_facts(model, picture, busy)
        name = f"decision: {mode}, {len(facts)} devices, " + (
            "passports" if measured else "no passports"
        )
        taken = _each(partial(choose_route, REQUEST, facts, rule), repeats)
        yield Figure(name, taken, MICROSECONDS, "µs", DECISION_GOAL_US)

    picture = machine(folder, "measured", gpus=1, measured=True)
    model = picture.models[MODEL]

    def gather_and_decide() -> None:
        rule = planning.rule_for(model, picture)
        choose_route(REQUEST, planning.device_facts(model, picture, busy), rule)

    yield Figure(
        "the same with gathering the facts of 3 devices",
        _each(gather_and_decide, repeats),
        MICROSECONDS,
        "µs",
    )


async def counting(folder: Path, repeats: int) -> list[Figure]:
    """Token counts of ever new texts, and the plan of a short prompt."""
    tokenizer = await tokens.tokenizer_of(folder)
    texts = [_new_text(tokenizer, seed) for seed in range(repeats)]
    counted = [await _timed(partial(tokens.encode, tokenizer, text, limit=8192)) for text in texts]
    estimated = [_clock(partial(estimate_tokens, text)) for text in texts]
    picture = machine(folder, "measured", gpus=1, measured=True)
    request = GenerationRequest(
        model=MODEL,
        family="ollama",
        endpoint="generate",
        prompt="Why is the sky blue?",
        sampling=Sampling(max_tokens=128),
    )
    plans = [
        await _timed(partial(planning.make_plan, request, picture, Path("compiled"), busy))
        for _ in range(repeats)
    ]
    return [
        Figure("plan of a short prompt, everything", plans, MICROSECONDS, "µs"),
        Figure(f"counting {PROMPT_TOKENS:,} tokens", counted, MILLISECONDS, "ms", COUNTING_GOAL_MS),
        Figure("estimating them", estimated, MILLISECONDS, "ms"),
    ]


def machine(folder: Path, mode: str, *, gpus: int, measured: bool) -> Snapshot:
    """A configuration with an NPU, that many GPUs and a CPU, and the starter on all of them."""
    npu = DeviceInfo(
        "NPU", True, True, False, "", "", "", 10, 4096, 512, 1, 1, 512
    )  # fmt: skip
    names = ["GPU"] if gpus == 1 else [f"GPU.{number}" for number in range(gpus)]
    others = [
        replace(npu, name=name, priority=priority, max_prompt_len=None, max_concurrent_requests=32)
        for name, priority in (*((name, 20) for name in names), ("CPU", 30))
    ]
    model = ModelInfo(
        id=1,
        name=MODEL,
        status="ready",
        family="llama",
        digest="0" * 64,
        size_bytes=1,
        parameter_count=135_000_000,
        quantization="Q4_1",
        context_length=8192,
        capabilities=("completion",),
        modified_at=datetime.now(UTC),
        variants=(VariantInfo(1, folder, "int8", 1),),
        facts=MappingProxyType({}),
        chat_template="",
    )
    devices = (npu, *others)
    return Snapshot(
        models=MappingProxyType({MODEL: model}),
        devices=devices,
        routing=RoutingInfo(mode=mode),
        passports=MappingProxyType(
            {(MODEL, device.name): _passport(device.name) for device in devices if measured}
        ),
    )


def busy(model: str, device: str) -> PairLoad:
    """Every engine is loaded and has something to do."""
    return PairLoad("ready", running=3, queued=2, places=1 if device == "NPU" else 32)


def _passport(device: str) -> PassportInfo:
    per_token = {"NPU": 0.0009, "CPU": 0.0006}.get(device, 0.0004)
    buckets = tuple(BucketInfo(length, length * per_token, 40.0) for length in LENGTHS)
    return PassportInfo(MODEL, device, True, "", LENGTHS[-1], 60.0, 5.0, 1, buckets)


def _new_text(tokenizer: Tokenizer, seed: int) -> str:
    lines = [
        line
        for page in sorted(DOCUMENTS.glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
    ]
    random.Random(seed).shuffle(lines)
    encoded = tokenizer.encode("\n".join(lines), add_special_tokens=False)
    _, end = encoded.offsets[PROMPT_TOKENS - 1]
    return "\n".join(lines)[:end]


def _each(call: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of every call."""
    for _ in range(repeats // 10):
        call()
    return [_clock(call) for _ in range(repeats)]


def _clock(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began
