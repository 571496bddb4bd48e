"""What the console has the server do with models: load, unload, verify, measure. Chores belong to
the server: every open console sees them, and their ends stay until somebody dismisses them.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from inference.errors import InferenceError
from npuconsole.console.words import sentence

log = logging.getLogger(__name__)

MOST_KEPT = 40
MOST_AT_ONCE = 16

Tell = Callable[[str, float], None]
"""What is being done now, in words, and how far it is (0 to 1)."""
Work = Callable[[Tell], Awaitable[str]]
"""Returns what came of it, in words; "" when that can be seen anyway."""


class ChoreFailed(Exception):
    """It came to an end that a person should know of; the text says which."""


class TooManyChores(Exception):
    """As many are under way as may be."""


@dataclass(frozen=True, slots=True)
class Chore:
    """One of them. `kind` is load, unload, verify, mend or measure; `state` running, done or
    failed; `at` is when it began, in milliseconds since 1970. The `id` 0 is nobody's order."""

    id: int
    kind: str
    model: str
    device: str
    state: str
    words: str
    fraction: float
    at: int


class ChoreBoard:
    """Those under way, and those that ended with something to say. On the event loop."""

    def __init__(self) -> None:
        self._chores: dict[int, Chore] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)

    def read(self) -> tuple[Chore, ...]:
        """All of them, oldest first."""
        return tuple(self._chores.values())

    def start(self, kind: str, model: str, work: Work, *, device: str = "") -> Chore:
        """Begin it, or join the same one under way. Raises TooManyChores."""
        same = [c for c in self.read() if (c.kind, c.model, c.device) == (kind, model, device)]
        for chore in same:
            if chore.state == "running":
                return chore
            self.dismiss(chore.id)  # what it once said is no longer news
        if len(self._tasks) >= MOST_AT_ONCE:
            raise TooManyChores
        number = next(self._numbers)
        began = int(time.time() * 1000)
        chore = Chore(number, kind, model, device, "running", "", 0.0, began)
        self._chores[number] = chore
        task = asyncio.create_task(self._run(number, work), name=f"{kind} {model}")
        self._tasks[number] = task
        task.add_done_callback(lambda task: self._let_go(number, task))
        self._forget_oldest()
        return chore

    def dismiss(self, number: int) -> None:
        """Somebody has read how it ended. One that is under way stays."""
        chore = self._chores.get(number)
        if chore is not None and chore.state != "running":
            del self._chores[number]

    async def stop(self, number: int) -> None:
        """End one that is under way; returns when it has let go."""
        task = self._tasks.get(number)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """End them all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, number: int, work: Work) -> None:
        try:
            words = await work(lambda words, fraction: self._tell(number, words, fraction))
        except ChoreFailed as failure:
            self._end(number, "failed", str(failure))
        except InferenceError as error:
            words = error.message
            named = words.startswith(self._chores[number].model)  # names keep their letters
            self._end(number, "failed", words if named else sentence(words))
        except Exception:  # nobody awaits the task: any fault must be told
            log.exception("a chore of the console")
            self._end(number, "failed", "It failed for a reason that is in the log.")
        else:
            self._end(number, "done", words)

    def _let_go(self, number: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(number, None)
        if task.cancelled():  # perhaps before it had begun
            self._chores.pop(number, None)

    def _tell(self, number: int, words: str, fraction: float) -> None:
        self._chores[number] = replace(self._chores[number], words=words, fraction=fraction)

    def _end(self, number: int, state: str, words: str) -> None:
        if words:
            self._chores[number] = replace(self._chores[number], state=state, words=words)
        else:
            del self._chores[number]

    def _forget_oldest(self) -> None:
        ended = [chore.id for chore in self.read() if chore.state != "running"]
        for number in ended[: max(0, len(self._chores) - MOST_KEPT)]:
            self.dismiss(number)
