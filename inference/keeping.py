"""What the request log keeps of prompts and answers while the owner wants it.

Off by default. Bounded, clean of what a database refuses, and complete enough to ask the same
again on another device; what did not fit is cut, and the row says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, cast

from inference import snapshot
from inference.errors import InvalidRequest
from inference.requests import (
    AnswerSchema,
    DeviceWish,
    Event,
    GenerationRequest,
    Message,
    Need,
    Sampling,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolChoice,
)

MOST_BYTES = 200_000
"""Of a prompt with everything that belongs to it, and of an answer, each as UTF-8."""
_NUMBER_BYTES = 8
_AS_ASKED = (
    "prompt",
    "suffix",
    "context_ids",
    "tools",
    "think",
    "template",
    "variables",
    "documents",
    "continues_last_message",
    "may_drop_messages",
    "logprobs",
    "num_ctx",
)
"""Fields of a GenerationRequest that are kept under their names, where they say anything."""
_SILENT: dict[str, Any] = {
    item.name: {} if item.default is MISSING else item.default for item in fields(GenerationRequest)
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What a record gets: `prompt` for its JSON column, and the answer's text.

    `prompt` has `messages` (role, content, extra), or `prompt`, or an embedding's `inputs`; the
    other parts of the request under the names of GenerationRequest; `sampling` as the client asked,
    `defaults` its family's; of the answer `thinking` and `tool_calls`; `is_cut` and `is_answer_cut`
    where something did not fit.
    """

    prompt: dict[str, Any]
    answer: str = ""


class Room:
    """Bytes that are left for what is kept. `is_over` once something did not fit."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.left = most_bytes
        self.is_over = False

    def text(self, text: str) -> str:
        """The text as far as it fits; null characters and halves of characters, which databases
        refuse, are replaced."""
        most = max(0, self.left)
        short = text[:most]  # a character has a byte at least
        data = short.replace("\x00", "\ufffd").encode("utf-8", "replace")[:most]
        self.is_over = self.is_over or len(short) < len(text)
        self.left -= len(data)
        kept = data.decode("utf-8", "ignore")
        self.is_over = self.is_over or len(kept) < len(short)
        return kept

    def value(self, value: object) -> Any:
        """The same for anything made of JSON's values; lists and objects end where it is full."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            self.left -= _NUMBER_BYTES
            return value
        if isinstance(value, Mapping):
            found = {}
            for key, inner in value.items():
                if self._is_full():
                    break
                found[self.text(str(key))] = self.value(inner)
            return found
        if isinstance(value, Iterable):
            items = []
            for inner in value:
                if self._is_full():
                    break
                items.append(self.value(inner))
            return items
        return self.text(str(value))

    def _is_full(self) -> bool:
        self.is_over = self.is_over or self.left <= 0
        return self.left <= 0


@dataclass(slots=True)
class AnswerKeeper:
    """Gathers one answer as its client gets it, once for each of the engine's steps."""

    texts: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    room: Room = field(default_factory=Room)

    def add(self, events: Iterable[Event]) -> None:
        """What the client got with one step."""
        for event in events:
            if isinstance(event, TextDelta) and event.text:
                self.texts.append(self.room.text(event.text))
            elif isinstance(event, ThinkingDelta) and event.text:
                self.thinking.append(self.room.text(event.text))
            elif isinstance(event, ToolCall):
                call = {"name": event.name, "arguments": event.arguments}
                self.tool_calls.append(self.room.value(call))


def is_wanted(client: str) -> bool:
    """Whether the owner wants what that client asks kept. What the appliance asks itself (no
    client) repeats a prompt that may be removed from the row it came with, so it is never kept."""
    return bool(client) and snapshot.current().settings.prompts_are_kept


def new_keeper(client: str) -> AnswerKeeper | None:
    """For an answer that begins; None if it is not to be kept."""
    return AnswerKeeper() if is_wanted(client) else None


def keep_request(request: GenerationRequest, keeper: AnswerKeeper | None = None) -> Kept | None:
    """What is kept of a request that ended, and of its answer; None if nothing is."""
    if not is_wanted(request.client):
        return None
    room = Room()
    prompt: dict[str, Any] = {}
    if request.messages is not None:
        prompt["messages"] = _messages(request.messages, room)
    for name in _AS_ASKED:
        if (value := getattr(request, name)) != _SILENT[name]:
            prompt[name] = room.value(value)
    if request.tool_choice != ToolChoice():
        prompt["tool_choice"] = room.value(_said(request.tool_choice))
    if request.schema is not None:
        prompt["schema"] = room.value(_said(request.schema))
    if request.needs:
        prompt["needs"] = sorted(request.needs)
    prompt["sampling"] = room.value(_said(request.sampling))
    prompt["defaults"] = room.value(_said(request.defaults))
    if room.is_over:
        prompt["is_cut"] = True
    if keeper is None:
        return Kept(prompt)
    if keeper.thinking:
        prompt["thinking"] = "".join(keeper.thinking)
    if keeper.tool_calls:
        prompt["tool_calls"] = keeper.tool_calls
    if keeper.room.is_over:
        prompt["is_answer_cut"] = True
    return Kept(prompt, "".join(keeper.texts))


def keep_inputs(client: str, inputs: Sequence[str | Sequence[int]]) -> Kept | None:
    """What is kept of a request for embeddings; None if nothing is."""
    if not is_wanted(client):
        return None
    room = Room()
    prompt = {"inputs": room.value(inputs)}
    return Kept({**prompt, "is_cut": True} if room.is_over else prompt)


def ask_again(
    prompt: Mapping[str, Any],
    *,
    model: str,
    family: Literal["ollama", "openai", "anthropic", "console"],
    endpoint: str,
    client: str,
    wish: DeviceWish | None,
) -> GenerationRequest:
    """The request that a kept prompt came with, for a device of choice. Raises InvalidRequest for
    one that was cut, or that is not for a generation."""
    if prompt.get("is_cut"):
        raise InvalidRequest("The stored prompt was cut, so it is not what was asked.")
    if "messages" not in prompt and "prompt" not in prompt and "context_ids" not in prompt:
        raise InvalidRequest("Only prompts for a generation can be asked again.")
    asked = {name: _tuples(prompt[name]) for name in _AS_ASKED if name in prompt}
    messages = prompt.get("messages")
    choice, schema = prompt.get("tool_choice"), prompt.get("schema")
    return GenerationRequest(
        **{"prompt": None if messages is not None else "", **asked},
        model=model,
        family=family,
        endpoint=endpoint,
        client=client,
        messages=None if messages is None else tuple(_message(one) for one in messages),
        tool_choice=ToolChoice(**_tupled(choice)) if choice else ToolChoice(),
        schema=AnswerSchema(**schema) if schema else None,
        needs=frozenset(Need(need) for need in prompt.get("needs", ())),
        sampling=Sampling(**_tupled(prompt.get("sampling", {}))),
        defaults=Sampling(**_tupled(prompt.get("defaults", {}))),
        wish=wish,
    )


def _messages(messages: Sequence[Message], room: Room) -> list[dict[str, Any]]:
    """The newest are kept first; what does not fit is the beginning of the conversation."""
    kept = []
    for message in reversed(messages):
        if room.left <= 0:
            room.is_over = True
            break
        one: dict[str, Any] = {"role": message.role, "content": room.text(message.content)}
        if message.extra:
            one["extra"] = room.value(message.extra)
        kept.append(one)
    return kept[::-1]


def _message(kept: Mapping[str, Any]) -> Message:
    role = cast("Literal['system', 'user', 'assistant', 'tool']", kept["role"])
    return Message(role, kept["content"], kept.get("extra", {}))


def _said(value: Sampling | ToolChoice | AnswerSchema) -> dict[str, Any]:
    """The fields that say something, by name."""
    return {
        item.name: getattr(value, item.name)
        for item in fields(value)
        if getattr(value, item.name) is not None
    }


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuples(value) for name, value in values.items()}
