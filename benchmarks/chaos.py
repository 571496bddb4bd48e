"""`python -m benchmarks.chaos`: greedy streams that go on while their engines are killed.

Two engines serve one model (the CPU, and the CPU in a GPU's place). While eight streams run for
three minutes, one of both is killed every six seconds, and twice both at once. No client may see an
error, a gap or a repeat; what follows a kill must be what an engine gives for the prompt and the
tokens sent so far. Exit code 1 when anything of that does not hold. docs/benchmarks.md says more.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tokenizers import Tokenizer

from benchmarks import client, processes
from benchmarks.appliance import Appliance
from benchmarks.client import Answer, Refused
from inference.residency.process import EngineProcess, Patience
from inference.worker.protocol import EngineRequest, decode_job

MODEL = "smollm2:135m"
DEVICES = ("GPU", "CPU")
BOTH_AT_ONCE = 2
SUBJECTS = (
    "how bread is baked",
    "why the sky is blue",
    "the life of a river",
    "a village by the sea",
    "how a bicycle stays upright",
    "the history of the letter",
    "what bees do in winter",
    "a machine that counts stars",
    "why leaves fall",
    "the first train of the morning",
    "how glass is made",
    "a letter to a friend",
    "what makes a good map",
    "the sound of rain",
    "how clocks keep time",
    "a walk through a market",
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer as its client saw it. `ids` are prompt and answer; `parts` the tokens that each
    engine gave, in order."""

    subject: str
    request_id: str
    text: str
    ids: tuple[int, ...]
    prompt_tokens: int
    tokens: int
    error: str = ""
    parts: tuple[int, ...] = ()

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """The answer's tokens."""
        return self.ids[self.prompt_tokens :]


@dataclass(slots=True)
class Report:
    """What came out. Counts, but for `seconds`, `*_share` (0 to 1) and `*_mib`."""

    seconds: float = 0.0
    kills: int = 0
    streams: int = 0
    moved: int = 0
    errors: list[str] = field(default_factory=list)
    wrong_counts: int = 0
    gaps_or_repeats: int = 0
    continuations: int = 0
    wrong_continuations: int = 0
    equal_share: float = 0.0
    workers_left: int = 0
    zombies_left: int = 0
    sockets_more: int = 0
    server_mib: tuple[float, float] = (0.0, 0.0)

    def complaints(self) -> list[str]:
        """What does not hold, in words."""
        rules = {
            f"{len(self.errors)} clients saw an error": not self.errors,
            f"{self.wrong_counts} answers have another length": not self.wrong_counts,
            f"{self.gaps_or_repeats} texts have gaps or repeats": not self.gaps_or_repeats,
            "no answer moved to another engine": self.moved > 0,
            f"{self.wrong_continuations} of {self.continuations} continuations differ": (
                self.wrong_continuations <= 0.05 * self.continuations
            ),
            f"only {self.equal_share:.0%} equal an undisturbed answer": self.equal_share >= 0.95,
            f"{self.workers_left} workers instead of two": self.workers_left <= len(DEVICES),
            f"{self.zombies_left} zombies": not self.zombies_left,
            f"{self.sockets_more} sockets more than before": self.sockets_more <= 2,
        }
        return [words for words, holds in rules.items() if not holds]


class Chaos:
    """One run against one appliance."""

    def __init__(self, appliance: Appliance, arguments: argparse.Namespace) -> None:
        self._appliance = appliance
        self._arguments = arguments
        self._report = Report()
        self._random = random.Random(arguments.seed)

    async def run(self) -> Report:
        """Undisturbed answers first, then the kills, then the checks."""
        arguments, report = self._arguments, self._report
        await wait_for_both(self._appliance)
        calm = await self._calm_answers()
        before = self._server()
        sockets, memory = len(before.net_connections("inet")), processes.mebibytes(before)
        began = time.monotonic()
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self._stream_on(at, stop)) for at in range(arguments.streams)]
        await self._kill_now_and_then(began + arguments.seconds)
        stop.set()
        streams = [one for many in await asyncio.gather(*tasks) for one in many]
        report.seconds = round(time.monotonic() - began, 1)
        report.sockets_more = len(before.net_connections("inet")) - sockets
        report.server_mib = (round(memory, 1), round(processes.mebibytes(before), 1))
        self._count_processes()
        await self._check(streams, calm)
        return report

    async def _check(self, streams: list[Stream], calm: dict[str, Stream]) -> None:
        report, tokens = self._report, self._arguments.tokens
        tokenizer = Tokenizer.from_file(str(self._folder() / "tokenizer.json"))
        report.streams = len(streams)
        report.errors = [stream.error for stream in streams if stream.error]
        whole = [stream for stream in streams if not stream.error]
        report.wrong_counts = sum(
            stream.tokens != tokens or len(stream.answer_ids) != tokens for stream in whole
        )
        report.gaps_or_repeats = sum(
            not _is_text_of(stream.text, tokenizer.decode(list(stream.answer_ids)))
            for stream in whole
        )
        equal = [stream.ids == calm[stream.subject].ids for stream in whole]
        report.equal_share = round(sum(equal) / max(1, len(equal)), 4)
        moved = [stream for stream in whole if len(stream.parts) > 1]
        report.moved = len(moved)
        await self._check_continuations(moved)

    async def _check_continuations(self, moved: list[Stream]) -> None:
        """Ask an engine of our own for what follows the prompt and the tokens before each kill."""
        report = self._report
        command = [sys.executable, "-m", "benchmarks.engine_job", MODEL, "CPU"]
        line = await asyncio.to_thread(
            subprocess.check_output,
            command,
            env=self._appliance.environment,
            cwd=processes.PROJECT_ROOT,
        )
        engine = EngineProcess(decode_job(line), on_end=lambda: None)
        await engine.start(Patience())
        try:
            gaps = [gap for stream in moved for gap in _gaps(stream)][: self._arguments.checks]
            for at in range(0, len(gaps), self._arguments.streams):
                some = gaps[at : at + self._arguments.streams]
                got = await asyncio.gather(*(_greedy(engine, *gap) for gap in some))
                report.continuations += len(some)
                report.wrong_continuations += sum(
                    ids != expected for ids, (_, expected) in zip(got, some, strict=True)
                )
        finally:
            await engine.stop()

    async def _calm_answers(self) -> dict[str, Stream]:
        found: dict[str, Stream] = {}
        for at in range(0, len(SUBJECTS), self._arguments.streams):
            group = SUBJECTS[at : at + self._arguments.streams]
            for stream in await asyncio.gather(*(self._ask(subject) for subject in group)):
                if stream.error:
                    raise SystemExit(f"an undisturbed answer failed: {stream.error}")
                found[stream.subject] = stream
        return found

    async def _stream_on(self, at: int, stop: asyncio.Event) -> list[Stream]:
        done: list[Stream] = []
        while not stop.is_set():
            done.append(await self._ask(SUBJECTS[(at + 5 * len(done)) % len(SUBJECTS)]))
        return done

    async def _ask(self, subject: str) -> Stream:
        body = {
            "model": self._appliance.model,
            "prompt": f"Write about {subject}.",
            "keep_alive": -1,
            "options": {
                "num_predict": self._arguments.tokens,
                "temperature": 0,
                "ignore_eos": True,
            },
        }
        address = self._appliance.address
        try:
            answer = await client.stream(address, "/api/generate", body)
        except (Refused, OSError, TimeoutError) as error:
            return Stream(subject, "", "", (), 0, 0, repr(error))
        return await self._as_stream(subject, answer)

    async def _as_stream(self, subject: str, answer: Answer) -> Stream:
        frames = [frame for _, frame in answer.frames]
        last, request_id = frames[-1], answer.headers.get("x-request-id", "")
        if not last.get("done"):
            error = str(last.get("error", "the stream ended early"))
            return Stream(subject, request_id, "", (), 0, 0, error)
        status, receipt = await client.get(
            self._appliance.address, f"/api/npu/requests/{request_id}"
        )
        chain = json.loads(receipt)["chain"] if status == 200 else []
        return Stream(
            subject,
            request_id,
            "".join(frame.get("response", "") for frame in frames),
            tuple(last["context"]),
            last["prompt_eval_count"],
            last["eval_count"],
            parts=tuple(step["tokens"] for step in chain if step["tokens"]),
        )

    async def _kill_now_and_then(self, end: float) -> None:
        """Pauses are random around the wanted one, so that kills meet every moment of a load."""
        arguments = self._arguments
        kills = max(1, int(arguments.seconds / arguments.every))
        both = set(self._random.sample(range(kills), min(BOTH_AT_ONCE, kills)))
        for number in range(kills):
            pause = arguments.every * self._random.uniform(0.7, 1.3)
            await asyncio.sleep(min(pause, max(0.0, end - time.monotonic())))
            workers = self._workers()
            for worker in (
                workers if number in both else self._random.sample(workers, min(1, len(workers)))
            ):
                worker.kill()
                self._report.kills += 1

    def _server(self) -> psutil.Process:
        return self._appliance.server_process

    def _workers(self) -> list[psutil.Process]:
        return [
            child
            for child in self._server().children(recursive=True)
            if child.status() != psutil.STATUS_ZOMBIE
            and "inference.worker" in " ".join(child.cmdline())
        ]

    def _count_processes(self) -> None:
        children = self._server().children(recursive=True)
        self._report.zombies_left = sum(c.status() == psutil.STATUS_ZOMBIE for c in children)
        self._report.workers_left = len(self._workers())

    def _folder(self) -> Path:
        return next((self._appliance.home / "models" / "installed").iterdir())


async def wait_for_both(appliance: Appliance) -> None:
    """Until each device has its engine: up to minutes. Ends the program when it is in vain."""
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        status, body = await client.get(appliance.address, "/health/devices")
        if status == 200:
            ready = {
                device["name"]
                for device in json.loads(body)["devices"]
                if any(engine["state"] == "ready" for engine in device["engines"])
            }
            if ready >= set(DEVICES):
                return
        await asyncio.sleep(0.5)
    raise SystemExit("the two engines were not loaded in time")


def _gaps(stream: Stream) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each change of engine: what the next one was given, and what it went on with."""
    found, there = [], stream.prompt_tokens
    for tokens, following in itertools.pairwise(stream.parts):
        there += tokens
        found.append((stream.ids[:there], stream.ids[there : there + following]))
    return found


async def _greedy(
    engine: EngineProcess, ids: tuple[int, ...], expected: tuple[int, ...]
) -> tuple[int, ...]:
    """As many tokens as are expected."""
    request = EngineRequest(
        0, list(ids), max_new_tokens=max(1, len(expected)), temperature=0, ignore_eos=True
    )
    _, stream = engine.submit(request)
    got: list[int] = []
    while True:
        chunks = await stream.next_batch()
        got += [token for chunk in chunks for token in chunk.token_ids]
        if chunks[-1].finish:
            return tuple(got[: len(expected)])


def _is_text_of(seen: str, decoded: str) -> bool:
    """A character that is cut off by the end is not sent."""
    return seen == decoded.rstrip("\ufffd")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long streams run")
    parser.add_argument("--every", type=float, default=6.0, help="seconds between two kills")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=200, help="of each answer")
    parser.add_argument("--checks", type=int, default=60, help="changes of engine to ask again for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="a data folder with the starter, not in use")
    parser.add_argument("--json", type=Path, help="where to write the report")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace, folder: Path) -> Report:
    home = arguments.home or folder / "home"
    variables = {"NPUCONSOLE_EMULATE_GPU": "1"}
    appliance = Appliance(home, MODEL, "GPU", folder / "log", variables)
    if arguments.home is None:
        await appliance.install()
    command = [sys.executable, "-m", "benchmarks.chaos_rows", MODEL, *DEVICES]
    subprocess.run(command, env=appliance.environment, cwd=processes.PROJECT_ROOT, check=True)
    await appliance.start()
    try:
        await client.wait_until_ok(appliance.address, "/health", 60)
        return await Chaos(appliance, arguments).run()
    finally:
        if arguments.json:
            arguments.json.with_suffix(".log").write_bytes((folder / "log").read_bytes())
        await appliance.stop()


def main() -> None:
    """Run it, print the report, and exit with 1 when something does not hold."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="npuconsole-chaos-") as folder:
        report = asyncio.run(_main(arguments, Path(folder)))
    facts: dict[str, Any] = asdict(report)
    print(json.dumps(facts, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    complaints = report.complaints()
    print("\n".join(complaints) or "everything held")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
