"""From input items to the turns of a conversation. Pure; raises InferenceError.

A turn of the assistant comes in pieces: its reasoning, its text and every call are items of their
own. Neighbours become one turn again, as chat templates know them.
"""

from __future__ import annotations

from typing import Any

import orjson

from apis.conversation import full_name
from apis.openai.responses.schemas import InputItem, Part
from apis.openai.responses.tools import CUSTOM_INPUT, model_name
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import Message
from inference.snapshot import ModelInfo

SYSTEM_ROLES = ("system", "developer")
ROLES = ("user", "assistant", *SYSTEM_ROLES)
CALLS = ("function_call", "custom_tool_call")
RESULTS = ("function_call_output", "custom_tool_call_output")
KNOWN = ("message", *CALLS, *RESULTS, "reasoning")
SERVER_CALLS = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
    }
)
"""What other servers' own tools left in a conversation. They are passed over and reported."""

TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")


class Turns:
    """The conversation so far. `ignored` names the items that were passed over."""

    def __init__(self, model: ModelInfo) -> None:
        self.ignored: list[str] = []
        self._model = model
        self._turns: list[Message] = []
        self._names: dict[str, str] = {}
        self._text: str | None = None
        self._thinking: list[str] = []
        self._calls: list[dict[str, Any]] = []

    def add(self, item: InputItem, place: str) -> None:
        """The next item; `place` is what errors call it."""
        kind = item.type or ("message" if item.role is not None else "")
        if kind == "message":
            self._message(item, place)
        elif kind == "reasoning":
            self._reasoning(item, place)
        elif kind in CALLS:
            self._call(item, kind, place)
        elif kind in RESULTS:
            self._result(item, place)
        elif kind in SERVER_CALLS:
            self.ignored.append(f"input: {kind}")
        elif kind == "item_reference":
            raise InvalidRequest(
                f"{place}: no items are kept here, so none can be referred to; send it whole",
                field=place,
            )
        else:
            raise InvalidRequest(
                f"{place}.type: {kind[:40]!r} is not one of {', '.join(KNOWN)}",
                field=f"{place}.type",
            )

    def messages(self) -> list[Message]:
        """All turns; the system messages that lead are one, as most templates know only one."""
        self._end_turn()
        leading = 0
        while leading < len(self._turns) and self._turns[leading].role == "system":
            leading += 1
        if leading < 2:
            return self._turns
        text = "\n\n".join(turn.content for turn in self._turns[:leading] if turn.content)
        return [Message("system", text), *self._turns[leading:]]

    def system(self, text: str) -> None:
        """A system message."""
        self._end_turn()
        self._turns.append(Message("system", text))

    def _message(self, item: InputItem, place: str) -> None:
        role = item.role or ""
        if role not in ROLES:
            raise InvalidRequest(
                f"{place}.role: {role[:40]!r} is not one of {', '.join(ROLES)}",
                field=f"{place}.role",
            )
        if item.content is None:
            raise InvalidRequest(f"{place}.content is missing", field=f"{place}.content")
        text = self._text_of(item.content, f"{place}.content")
        if role == "assistant":
            if self._text is not None:
                self._end_turn()
            self._text = text
        elif role == "user":
            self._end_turn()
            self._turns.append(Message("user", text))
        else:
            self.system(text)

    def _reasoning(self, item: InputItem, place: str) -> None:
        if self._text is not None or self._calls:
            self._end_turn()
        # What another server encrypted cannot be read; what this one gives stands in the summary.
        parts = item.content or item.summary or []
        if text := self._text_of(parts, f"{place}.summary"):
            self._thinking.append(text)

    def _call(self, item: InputItem, kind: str, place: str) -> None:
        if not item.name:
            raise InvalidRequest(f"{place}.name is missing", field=f"{place}.name")
        name = model_name(item.name, item.namespace)
        call_id = item.call_id or ""
        if kind == "custom_tool_call":
            arguments: Any = {CUSTOM_INPUT: item.input or ""}
        else:
            arguments = _arguments(item.arguments, f"{place}.arguments")
        self._calls.append(
            {
                "id": call_id,
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
        )
        self._names[call_id] = name

    def _result(self, item: InputItem, place: str) -> None:
        if not item.call_id:
            raise InvalidRequest(f"{place}.call_id is missing", field=f"{place}.call_id")
        if item.output is None:
            raise InvalidRequest(f"{place}.output is missing", field=f"{place}.output")
        self._end_turn()
        extra = {"tool_call_id": item.call_id}
        if name := self._names.get(item.call_id):
            extra["name"] = extra["tool_name"] = name
        text = self._text_of(item.output, f"{place}.output")
        self._turns.append(Message("tool", text, extra))

    def _end_turn(self) -> None:
        """What was gathered of the assistant's turn, if any. Reasoning that led to nothing goes."""
        if self._text is not None or self._calls:
            extra: dict[str, Any] = {}
            if self._calls:
                extra["tool_calls"] = self._calls
            if self._thinking:
                extra["thinking"] = "\n\n".join(self._thinking)
            self._turns.append(Message("assistant", self._text or "", extra))
        self._text, self._thinking, self._calls = None, [], []

    def _text_of(self, content: str | list[Part], field: str) -> str:
        if isinstance(content, str):
            return content
        return "".join(self._part(part, f"{field}[{at}]") for at, part in enumerate(content))

    def _part(self, part: Part, field: str) -> str:
        if part.type in TEXTS and part.text is not None:
            return part.text
        if part.type == "refusal" and part.refusal is not None:
            return part.refusal
        if part.type == "input_file":
            raise InvalidRequest("file inputs are not currently supported", field=field)
        if part.type == "input_image":
            if isinstance(part.image_url, str) and part.image_url.startswith(("http:", "https:")):
                raise InvalidRequest(
                    "image URLs are not currently supported, "
                    "please use base64 encoded data instead",
                    field=field,
                )
            raise self._cannot("vision")
        if part.type == "input_audio":
            raise self._cannot("audio")
        raise InvalidRequest(
            f"{field}.type: {part.type[:40]!r} is not one that holds text", field=f"{field}.type"
        )

    def _cannot(self, capability: str) -> CapabilityMissing:
        return CapabilityMissing(
            f"{full_name(self._model)} does not support {capability}", capability=capability
        )


def _arguments(text: str | None, field: str) -> Any:
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequest("invalid tool call arguments", field=field)
    return arguments
