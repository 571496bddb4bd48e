"""Anthropic's messages, made of blocks, as turns of our own. Pure: raises InferenceError.

Results of tools come in user turns there; here each is a turn of its own, before what the user says
beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from apis.anthropic.schemas import Block, Turn
from apis.anthropic.tools import plain
from apis.conversation import full_name
from apis.limits import MOST_MESSAGES
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import Message
from inference.snapshot import ModelInfo

ROLES = ("user", "assistant", "system")

NO_IMAGE = "[an image, which this model cannot see]"
"""Stands where a tool gave an image: the next answer should not fail for what a tool did."""

_FOR_NOBODY = frozenset({"redacted_thinking"})
"""Blocks that nobody here could read, and that change nothing when they are left out."""


@dataclass(frozen=True, slots=True)
class History:
    """The conversation; `left_out` names the kinds of blocks that are not in it."""

    messages: tuple[Message, ...]
    left_out: tuple[str, ...] = ()


def read_history(
    system: str | list[Block] | None, turns: Iterable[Turn], model: ModelInfo
) -> History:
    """The whole conversation. Raises InvalidRequest naming the message, CapabilityMissing for a
    picture that the model cannot see."""
    reader = _Reader(model)
    if system:
        blocks = system if isinstance(system, str) else [b for b in system if not _is_billing(b)]
        reader.messages.append(Message("system", reader.text(blocks, "system")))
    for index, turn in enumerate(turns):
        reader.turn(turn, f"messages[{index}]")
    return History(tuple(reader.messages), tuple(reader.left_out))


@dataclass(slots=True)
class _Reader:
    model: ModelInfo
    messages: list[Message] = field(default_factory=list)
    left_out: dict[str, None] = field(default_factory=dict)
    call_names: dict[str, str] = field(default_factory=dict)

    def turn(self, turn: Turn, place: str) -> None:
        """One message, which may become several."""
        if turn.role not in ROLES:
            allowed = ", ".join(ROLES)
            raise InvalidRequest(
                f"{place}.role: {turn.role[:40]!r} is not one of {allowed}", field=f"{place}.role"
            )
        if isinstance(turn.content, str):
            self.messages.append(Message(turn.role, turn.content))  # type: ignore[arg-type]
        elif turn.role == "assistant":
            self._assistant(turn.content, f"{place}.content")
        elif turn.role == "system":
            self.messages.append(Message("system", self.text(turn.content, f"{place}.content")))
        else:
            self._user(turn.content, f"{place}.content")

    def text(self, content: str | list[Block], place: str) -> str:
        """The text of blocks that can be text only."""
        if isinstance(content, str):
            return content
        return "".join(self._text_of(block, place) for block in content)

    def _user(self, blocks: list[Block], place: str) -> None:
        results = [block for block in blocks if block.type == "tool_result"]
        others = [block for block in blocks if block.type != "tool_result"]
        for block in results:
            self._result(block, place)
        if others or not results:
            self.messages.append(Message("user", self.text(others, place)))

    def _assistant(self, blocks: list[Block], place: str) -> None:
        texts: list[str] = []
        extra: dict[str, Any] = {}

        def say() -> None:
            if texts or extra or not blocks:
                self.messages.append(Message("assistant", "".join(texts), dict(extra)))
            texts.clear()
            extra.clear()

        for block in blocks:
            if block.type in ("tool_use", "server_tool_use"):
                extra.setdefault("tool_calls", []).append(self._call(block, place))
            elif block.type == "thinking":
                extra["thinking"] = extra.get("thinking", "") + (block.thinking or "")
            elif block.type == "web_search_tool_result":  # of a server's own call, in the same turn
                say()
                self._result(block, place)
            else:
                texts.append(self._text_of(block, place))
        say()

    def _call(self, block: Block, place: str) -> dict[str, Any]:
        for name, value in (("id", block.id), ("name", block.name)):
            if not value:
                raise InvalidRequest(f"{place}: {block.type} without {name}", field=place)
        arguments = {} if block.input is None else block.input
        if not isinstance(arguments, dict):
            raise InvalidRequest(f"{place}: {block.type}.input must be an object", field=place)
        self.call_names[block.id or ""] = block.name or ""
        function = {"name": block.name, "arguments": arguments}
        return {"id": block.id, "type": "function", "function": function}

    def _result(self, block: Block, place: str) -> None:
        if not block.tool_use_id:
            raise InvalidRequest(f"{place}: {block.type} without tool_use_id", field=place)
        text = self._result_text(block, place)
        if block.is_error and not text.lower().startswith("error"):
            text = f"Error: {text}"
        extra = {"tool_call_id": block.tool_use_id}
        if name := self.call_names.get(block.tool_use_id):
            extra["name"] = extra["tool_name"] = name
        self.messages.append(Message("tool", text, extra))

    def _result_text(self, block: Block, place: str) -> str:
        if block.content is None or isinstance(block.content, str):
            return block.content or ""
        if block.type == "web_search_tool_result":
            return _as_json(block.content)
        if not isinstance(block.content, list):
            raise InvalidRequest(
                f"{place}: a tool_result's content must be a text or a list", field=place
            )
        if len(block.content) > MOST_MESSAGES:
            raise InvalidRequest(
                f"{place}: a tool_result holds at most {MOST_MESSAGES} blocks", field=place
            )
        return "\n".join(self._result_part(part, place) for part in block.content)

    def _result_part(self, value: Any, place: str) -> str:
        try:
            part = Block.model_validate(value)
        except ValidationError:
            raise InvalidRequest(
                f"{place}: a tool_result's content holds something that is no block", field=place
            ) from None
        if part.type == "image":
            self.left_out["tool_result.image"] = None
            return NO_IMAGE
        return self._text_of(part, place)

    def _text_of(self, block: Block, place: str) -> str:
        """A block's text, "" for one that is left out."""
        if block.type == "text":
            if block.text is None:
                raise InvalidRequest(f"{place}: a text block without text", field=place)
            return block.text
        if block.type == "image":
            self._refuse_image(block, place)
        if block.type == "document" and (text := _text_document(block.source)) is not None:
            return text
        if block.type not in _FOR_NOBODY:
            self.left_out[f"messages.content.{plain(block.type)}"] = None
        return ""

    def _refuse_image(self, block: Block, place: str) -> None:
        source = block.source if isinstance(block.source, dict) else {}
        if source.get("type") == "url":
            raise InvalidRequest(
                "image URLs are not supported, send the image as base64", field=place
            )
        if source.get("type") != "base64" or not isinstance(source.get("data"), str):
            raise InvalidRequest(f"{place}: an image block without base64 data", field=place)
        raise CapabilityMissing(
            f"{full_name(self.model)} does not support vision", capability="vision"
        )


def _is_billing(block: Block) -> bool:
    """Whether that is the line for Anthropic's accounting that Claude Code puts before its system
    prompt (seen in 2.1). It tells the model nothing, and as it changes nothing behind it could be
    taken from the prefix cache."""
    return (block.text or "").startswith("x-anthropic-billing-header:")


def _text_document(source: Any) -> str | None:
    """The text of a document that is plain text; None for any other, such as PDF."""
    data = source.get("data") if isinstance(source, dict) and source.get("type") == "text" else None
    return data if isinstance(data, str) else None


def _as_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # nested too deeply
        return ""
