"""The two websockets of the console: `LiveConsumer` sends pictures, `ChatConsumer` streams answers.

Each connection owns its tasks and cancels them in `disconnect`: a consumer that streams inside
`receive` does not notice that its browser has gone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from inference.database import in_database_thread
from npuconsole.console import live
from npuconsole.console.access import may_connect, scope_address
from npuconsole.console.chat.answers import Frame, stream_answer
from npuconsole.console.chat.commands import Again, Ask, BadCommand, Stop, parse_command
from npuconsole.console.chat.conversations import Turn, open_turn

log = logging.getLogger(__name__)

CLOSE_NOT_ALLOWED = 4403
MAX_ANSWERS_AT_ONCE = 6


class ConsoleConsumer(AsyncWebsocketConsumer):
    """What both share: who may connect, and tasks that end with the connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_open = False
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def connect(self) -> None:
        """Accept, then turn away who may not look: only an accepted socket can say why."""
        await self.accept()
        if not await may_connect(self.scope):
            await self.close(code=CLOSE_NOT_ALLOWED)
            return
        self.is_open = True
        await self.begin()

    async def begin(self) -> None:
        """The connection is open."""

    async def disconnect(self, code: int) -> None:
        """The browser has gone: end everything that worked for it."""
        self.is_open = False
        tasks = list(self.tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send_frame(self, frame: Frame) -> None:
        """Send, unless the browser has gone meanwhile."""
        if self.is_open:
            await self.send(text_data=orjson.dumps(frame).decode())


class LiveConsumer(ConsoleConsumer):
    """Whole pictures of the appliance, latest first; the browser answers each with its number."""

    async def begin(self) -> None:
        """Start sending."""
        self.watcher = live.Watcher()
        live.producer.add(self.watcher)
        self.tasks["pictures"] = asyncio.create_task(self._send_pictures())

    async def disconnect(self, code: int) -> None:
        """Stop watching."""
        if self.is_open:
            live.producer.remove(self.watcher)
        await super().disconnect(code)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """`{"seen": number}`; anything else is ignored, because nothing here can be asked for."""
        if not self.is_open or text_data is None or len(text_data) > 100:
            return
        try:
            frame = orjson.loads(text_data)
        except orjson.JSONDecodeError:
            return
        number = frame.get("seen") if isinstance(frame, dict) else None
        if isinstance(number, int):
            self.watcher.confirm(number)

    async def _send_pictures(self) -> None:
        while True:
            await self.send(text_data=(await self.watcher.next_frame()).decode())


class ChatConsumer(ConsoleConsumer):
    """Questions and their answers, one for each lane, several at once if asked. The browser names
    the answers; what it says is kept before it is answered."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Act on one command; a bad one is answered with an error and changes nothing."""
        if not self.is_open:
            return
        try:
            command = parse_command(text_data)
            if isinstance(command, Stop):
                self._stop(command)
            else:
                await self._begin(command)
        except BadCommand as error:
            await self._send_error(error.stream_id, "bad_command", error.message)
        except DatabaseError:
            log.exception("a question could not be kept")
            await self._send_error(
                command.stream_id, "internal_error", "The database could not keep the question."
            )

    async def _begin(self, command: Ask | Again) -> None:
        wanted = 1 if isinstance(command, Again) else len(command.choices.lanes)
        if any(name.startswith(f"{command.stream_id}/") for name in self.tasks):
            raise BadCommand("That answer is already under way.", "")
        if len(self.tasks) + wanted > MAX_ANSWERS_AT_ONCE:
            raise BadCommand(
                f"At most {MAX_ANSWERS_AT_ONCE} answers at once; stop one first.",
                command.stream_id,
            )
        turn = await in_database_thread(open_turn, command)
        await self.send_frame(
            {
                "type": "asked",
                "id": turn.stream_id,
                "conversation": turn.conversation,
                "title": turn.title,
                "question": turn.question,
            }
        )
        for lane in turn.lanes:
            self._answer(turn, lane)

    def _answer(self, turn: Turn, lane: int) -> None:
        name = f"{turn.stream_id}/{lane}"
        client = scope_address(self.scope)
        task = asyncio.create_task(stream_answer(turn, lane, client, self.send_frame))
        self.tasks[name] = task
        task.add_done_callback(lambda _: self.tasks.pop(name, None))

    def _stop(self, stop: Stop) -> None:
        for name, task in self.tasks.items():
            stream_id, _, lane = name.rpartition("/")
            if stream_id == stop.stream_id and stop.lane in (None, int(lane)):
                task.cancel()

    async def _send_error(self, stream_id: str, code: str, message: str) -> None:
        await self.send_frame(
            {
                "type": "error",
                "id": stream_id,
                "lane": None,
                "code": code,
                "message": message,
                "retry_after_seconds": None,
            }
        )
