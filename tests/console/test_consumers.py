"""The websockets' own duties, with answers that the test writes: who may connect, and that whatever
works for a browser ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from npuconsole.console import consumers
from npuconsole.console.chat.conversations import Turn
from npuconsole.console.consumers import (
    CLOSE_NOT_ALLOWED,
    MAX_ANSWERS_AT_ONCE,
    ChatConsumer,
    LiveConsumer,
)

Send = Callable[[dict[str, Any]], Awaitable[None]]


def ask(name: str, lanes: int = 1) -> dict[str, Any]:
    choices = {"lanes": [{"model": "m"}] * lanes}
    return {"type": "ask", "id": name, "text": "hello", "choices": choices}


def connection(consumer: Any, address: str = "127.0.0.1") -> WebsocketCommunicator:
    line = WebsocketCommunicator(consumer.as_asgi(), "/console/chat")
    line.scope["client"] = [address, 5]
    return line


class Answers:
    """Endless answers that say when they are cancelled."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    async def stream(self, turn: Turn, lane: int, client: str, send: Send) -> None:
        name = f"{turn.stream_id}/{lane}"
        self.running.add(name)
        try:
            while True:
                await send({"type": "text", "id": turn.stream_id, "lane": lane, "text": "x"})
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            await send({"type": "finished", "id": turn.stream_id, "lane": lane})
        finally:
            self.running.discard(name)


@pytest.fixture
def answers(rows: None, monkeypatch: pytest.MonkeyPatch) -> Answers:
    fake = Answers()
    monkeypatch.setattr(consumers, "stream_answer", fake.stream)
    return fake


@pytest.fixture
async def chat(answers: Answers) -> AsyncIterator[WebsocketCommunicator]:
    line = connection(ChatConsumer)
    assert (await line.connect())[0]
    yield line
    await line.disconnect()


async def receive(line: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = await line.receive_json_from()
        if frame["type"] == kind:
            return frame


@pytest.mark.parametrize("consumer", [ChatConsumer, LiveConsumer])
async def test_a_stranger_is_told_and_turned_away(consumer: Any) -> None:
    line = connection(consumer, "192.168.1.20")
    assert (await line.connect())[0]
    assert (await line.receive_output())["code"] == CLOSE_NOT_ALLOWED


async def test_the_answer_is_cancelled_when_the_browser_goes(answers: Answers) -> None:
    line = connection(ChatConsumer)
    await line.connect()
    await line.send_json_to(ask("a"))
    await receive(line, "text")
    assert answers.running == {"a/0"}
    await line.disconnect()
    assert answers.running == set()


async def test_stop_ends_what_it_names(chat: WebsocketCommunicator, answers: Answers) -> None:
    await chat.send_json_to(ask("a", lanes=2))
    await chat.send_json_to(ask("b"))
    while answers.running != {"a/0", "a/1", "b/0"}:
        await receive(chat, "text")
    await chat.send_json_to({"type": "stop", "id": "a", "lane": 1})
    assert (await receive(chat, "finished"))["lane"] == 1
    assert answers.running == {"a/0", "b/0"}
    await chat.send_json_to({"type": "stop", "id": "a"})
    assert (await receive(chat, "finished"))["lane"] == 0
    assert answers.running == {"b/0"}
    await chat.send_json_to({"type": "stop", "id": "nobody"})
    await chat.send_json_to(ask("a"))
    assert (await receive(chat, "asked"))["id"] == "a"


async def test_a_bad_frame_is_answered_and_the_line_stays(chat: WebsocketCommunicator) -> None:
    await chat.send_to(text_data="nonsense")
    assert (await receive(chat, "error"))["code"] == "bad_command"
    await chat.send_to(bytes_data=b"\xff\xfe")
    assert "text frames" in (await receive(chat, "error"))["message"]
    await chat.send_json_to(ask("a"))
    await receive(chat, "text")


async def test_answers_at_once_are_bounded(chat: WebsocketCommunicator, answers: Answers) -> None:
    for number in range(MAX_ANSWERS_AT_ONCE // 3):
        await chat.send_json_to(ask(f"a{number}", lanes=3))
    await chat.send_json_to(ask("more"))
    assert (await receive(chat, "error"))["id"] == "more"
    assert len(answers.running) == MAX_ANSWERS_AT_ONCE
    await chat.send_json_to(ask("a0"))
    assert "already under way" in (await receive(chat, "error"))["message"]


async def test_the_live_line_ignores_what_it_does_not_know() -> None:
    line = connection(LiveConsumer)
    await line.connect()
    first = await receive(line, "picture")
    for frame in ("x", "[]", '{"seen": "yes"}', '{"seen": null}', "9" * 200):
        await line.send_to(text_data=frame)
    await line.send_json_to({"seen": first["number"]})
    assert (await receive(line, "picture"))["number"] > first["number"]
    await line.disconnect()
