"""What is measured: the shape that the appliance, the raw engine and llama-server share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.client import Address
from benchmarks.prompts import Prompt
from benchmarks.traces import Trace


class CannotMeasure(Exception):
    """A target does not start or does not do what is asked of it; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process of a target, now: resident memory in MiB, processor time in seconds."""

    role: str
    memory_mebibytes: float
    cpu_seconds: float


class Target(Protocol):
    """Something that generates. Started and stopped any number of times."""

    @property
    def name(self) -> str:
        """How reports call it."""

    async def start(self) -> None:
        """Start its processes; returns when it may be asked, ready or not. Raises CannotMeasure."""

    async def first_token(self, prompt: Prompt) -> float:
        """Ask until it answers; `time.perf_counter()` of its first token. Raises CannotMeasure."""

    async def generate(self, prompts: Sequence[Prompt], tokens: int) -> list[Trace]:
        """All prompts at once, exactly `tokens` tokens each, greedy. Raises CannotMeasure."""

    def parts(self) -> list[Part]:
        """Its processes, now."""

    @property
    def health(self) -> tuple[Address, str] | None:
        """Where it tells its health, if it is a server."""

    async def stop(self) -> None:
        """End its processes. Safe to call twice."""


def check(traces: Sequence[Trace], prompts: Sequence[Prompt], tokens: int, name: str) -> None:
    """Raise CannotMeasure unless every stream read and gave as many tokens as it was asked to."""
    for trace, prompt in zip(traces, prompts, strict=True):
        if trace.tokens != tokens:
            raise CannotMeasure(f"{name} gave {trace.tokens} tokens where {tokens} were asked for")
        if trace.prompt_tokens != len(prompt.ids):
            raise CannotMeasure(
                f"{name} read {trace.prompt_tokens} prompt tokens where {len(prompt.ids)} were sent"
            )
