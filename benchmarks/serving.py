"""`python -m benchmarks.serving`: the appliance, the raw engine and llama-server side by side.

One run asks them in turn, round after round, because the speed of a machine drifts; ratios are
taken within rounds. docs/benchmarks.md explains the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import llama, machine, measures, plot, processes, report
from benchmarks.appliance import Appliance
from benchmarks.llama import LlamaServer
from benchmarks.prompts import PromptMaker
from benchmarks.raw_engine import RawEngine
from benchmarks.results import Results
from benchmarks.starter_file import fetch_starter
from benchmarks.targets import CannotMeasure, Target
from inference.catalog.recipes import STARTER
from inference.worker.protocol import decode_job

MEASURES = ("cold", "decode", "prefill", "ttft", "health", "memory")
SHORT_PROMPT = 24
TTFT_REPEATS = 5
HEALTH_STREAMS = 8
SETTLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for. `tokens` is the answer's length, `long_prompt` the prefill's."""

    rounds: int
    streams: tuple[int, ...]
    tokens: int
    long_prompt: int
    only: frozenset[str]
    home: Path | None
    device: str
    llama_server: Path | None
    gguf: Path | None
    skip_llama: bool
    json: Path | None
    plot: Path | None
    seed: int


class Run:
    """One run over the targets that could be had."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.results = Results()
        self.notes: list[str] = []
        self.targets: list[Target] = []
        self.prompts: PromptMaker

    async def prepare(self) -> None:
        """Install the starter where it is missing; then everybody works with the same model."""
        home = self.options.home or self.folder / "home"
        appliance = Appliance(home, STARTER, self.options.device, self.folder / "appliance.log")
        self.targets.append(appliance)
        if not (home / "npuconsole.sqlite3").exists():
            print("First start of the appliance in", home)
            home.mkdir(parents=True, exist_ok=True)
            await appliance.install()
        job = await asyncio.to_thread(_engine_job, appliance)
        self.prompts = PromptMaker(Path(decode_job(job).folder), self.options.seed)
        self.targets.append(RawEngine(job, self.folder / "raw-engine.log"))
        if not self.options.skip_llama:
            await self._prepare_llama(home)

    async def _prepare_llama(self, home: Path) -> None:
        program = llama.find_server(self.options.llama_server)
        if program is None:
            self.note(
                f"llama-server is not compared: the package {llama.PACKAGE} is not installed "
                "and --llama-server names no program"
            )
            return
        model = self.options.gguf
        if model is None:
            model = await asyncio.to_thread(fetch_starter, home / "benchmarks")
        words = await asyncio.to_thread(llama.instructions, program, model)
        self.note(f"llama-server: {words or program}")
        context = max(self.options.long_prompt, SHORT_PROMPT + self.options.tokens) + 64
        slots = max(self.options.streams)
        self.targets.append(
            LlamaServer(program, model, slots, context, self.folder / "llama-server.log")
        )

    async def measure(self) -> None:
        """Start everybody, then ask them in turn."""
        await self._start_all()
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}", flush=True)
            # Whoever is first in a round does not stay first.
            shift = number % len(self.targets)
            await self._round(self.targets[shift:] + self.targets[:shift])
        if "memory" in self.options.only:
            for target in self.targets:
                measures.memory(target, self.results)

    async def stop(self) -> None:
        """Nothing is left running."""
        for target in self.targets:
            await target.stop()

    def note(self, words: str) -> None:
        """Keep for the report, and say now."""
        self.notes.append(words)
        print("note:", words, flush=True)

    async def _start_all(self) -> None:
        repeats = min(3, self.options.rounds) if "cold" in self.options.only else 1
        into = self.results if "cold" in self.options.only else Results()
        for _ in range(repeats):
            await self.stop()
            for target in self.targets:
                await measures.cold_start(target, self.prompts.make(SHORT_PROMPT), into)
        for streams in self.options.streams:  # the first run of each width is no measurement
            prompts = self.prompts.make_many(streams, SHORT_PROMPT)
            for target in self.targets:
                await target.generate(prompts, 8)

    async def _round(self, targets: Sequence[Target]) -> None:
        options, results = self.options, self.results
        if "decode" in options.only:
            for streams in options.streams:
                prompts = self.prompts.make_many(streams, SHORT_PROMPT)
                for target in targets:
                    await asyncio.sleep(SETTLE_SECONDS)
                    await measures.decode(target, prompts, options.tokens, results)
                self._tell(f"decode.{streams}.tokens_per_second", targets)
        if "prefill" in options.only:
            prompt = self.prompts.make(options.long_prompt)
            for target in targets:
                await asyncio.sleep(SETTLE_SECONDS)
                await measures.prefill(target, prompt, results)
            self._tell("prefill.tokens_per_second", targets)
        if "ttft" in options.only:
            for _ in range(TTFT_REPEATS):
                prompt = self.prompts.make(SHORT_PROMPT)
                for target in targets:
                    await asyncio.sleep(SETTLE_SECONDS)
                    await measures.time_to_first_token(target, prompt, results)
            self._tell("ttft.ms", targets)
        if "health" in options.only:
            prompts = self.prompts.make_many(HEALTH_STREAMS, SHORT_PROMPT)
            for target in targets:
                await asyncio.sleep(SETTLE_SECONDS)
                await measures.health(target, prompts, options.tokens, results)
            self._tell(f"health.{HEALTH_STREAMS}.p99_ms", targets)

    def _tell(self, figure: str, targets: Sequence[Target]) -> None:
        """The latest values, for whoever watches."""
        latest = [
            f"{target.name} {values[-1]:.1f}"
            for target in targets
            if (values := self.results.values(figure, target.name))
        ]
        print(f"  {figure}: {', '.join(latest)}", flush=True)


def main() -> None:
    """Exit code 1 when something could not be measured, 130 when it was stopped."""
    options = parse_options(sys.argv[1:])
    signal.signal(signal.SIGTERM, _stop_like_ctrl_c)
    try:
        is_complete = asyncio.run(run(options))
    except CannotMeasure as problem:
        sys.exit(f"benchmark: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
    if not is_complete:
        sys.exit(130)


async def run(options: Options) -> bool:
    """Measure, print, write. False when it was stopped on the way: then it is a part of the
    figures. Raises CannotMeasure."""
    is_complete = True
    began = time.perf_counter()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="npuconsole-bench-")))
        run = Run(options, folder)
        stack.push_async_callback(run.stop)
        about = machine.describe()
        if await asyncio.to_thread(machine.is_busy):
            run.note("other programs use the processor: only the ratios mean anything, and little")
        await run.prepare()
        try:
            await run.measure()
        except asyncio.CancelledError:
            is_complete = False
            run.note("stopped early: the last round is not complete")
    names = [target.name for target in run.targets]
    settings = {
        "rounds": options.rounds,
        "streams": list(options.streams),
        "tokens": options.tokens,
        "long_prompt_tokens": options.long_prompt,
        "model": STARTER,
        "device": options.device,
        "seconds": round(time.perf_counter() - began),
    }
    heading = f"{about['processor']}, {about['processors']} processors, {STARTER}"
    rounds = f"{options.rounds} rounds" if is_complete else f"less than {options.rounds} rounds"
    print(f"\n{heading}; medians of {rounds}\n")
    print(report.table(run.results, names), "\n")
    print(report.verdicts(run.results))
    if options.json:
        report.write_json(options.json, report.as_json(run.results, about, settings, run.notes))
        print("JSON:", options.json)
    if options.plot:
        try:
            plot.draw(run.results, names, options.streams, heading, options.plot)
            print("Plot:", options.plot)
        except plot.NoMatplotlib:
            print("No plot: matplotlib is not installed (pip install 'npuconsole[bench]')")
    return is_complete


def parse_options(arguments: Sequence[str]) -> Options:
    """The command line. Exits with a message when it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=_positive, default=5, help="how often everything is asked (5)")
    add("--streams", type=_counts, default=(1, 8, 32), help="numbers of streams (1,8,32)")
    add("--tokens", type=_positive, default=128, help="tokens of each answer (128)")
    add("--long-prompt", type=_positive, default=1500, help="tokens of the long prompt (1500)")
    add("--only", type=_measures, default=frozenset(MEASURES), help=",".join(MEASURES))
    add("--home", type=Path, help="data folder of an appliance to use (a fresh one)")
    add("--device", default="CPU", help="where both engines run (CPU)")
    add("--llama-server", type=Path, help="the program, when it is not installed as a package")
    add("--gguf", type=Path, help="weights for llama-server (the starter's own file)")
    add("--skip-llama", action="store_true", help="compare with the raw engine only")
    add("--json", type=Path, default=Path("benchmark.json"), help="where to (benchmark.json)")
    add("--plot", type=Path, default=Path("benchmark.png"), help="where to (benchmark.png)")
    add("--seed", type=int, default=1, help="of the random prompts (1)")
    return Options(**vars(parser.parse_args(arguments)))


def _stop_like_ctrl_c(number: int, frame: object) -> None:
    """Ends the started processes. Only once: `timeout` sends its signal twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)


def _engine_job(appliance: Appliance) -> bytes:
    """The job that this appliance's worker gets, asked in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine_job", appliance.model, appliance.device]
    environment = os.environ | appliance.environment
    found = subprocess.run(
        command, cwd=processes.PROJECT_ROOT, env=environment, capture_output=True, check=False
    )
    if found.returncode:
        words = found.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise CannotMeasure(f"no engine job for {appliance.model}: {' '.join(words)}")
    return found.stdout


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _measures(text: str) -> frozenset[str]:
    wanted = frozenset(text.split(","))
    if not wanted <= frozenset(MEASURES):
        raise argparse.ArgumentTypeError(f"choose from {','.join(MEASURES)}")
    return wanted


if __name__ == "__main__":
    main()
