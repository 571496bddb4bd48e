"""The official `openai` package's types, held strictly: the package lets everything through."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from openai._legacy_response import LegacyAPIResponse
from openai.types import Completion
from pydantic import BaseModel

Kind = TypeVar("Kind", bound=BaseModel)


def strictly(kind: type[Kind], raw: str | bytes) -> Kind:
    """The object in that JSON, which has every field that the type wants and no other."""
    value = kind.model_validate_json(raw)
    assert unknown_fields(value) == []
    return value


def strictly_a_completion_chunk(raw: str) -> Completion:
    """The package has one type for completions and their chunks, which wants a reason in each; the
    vendor itself sends null before the last."""
    chunk = json.loads(raw)
    for choice in chunk["choices"]:
        assert "finish_reason" in choice
        choice["finish_reason"] = choice["finish_reason"] or "stop"
    return strictly(Completion, json.dumps(chunk))


def unknown_fields(value: object, place: str = "") -> list[str]:
    """Where the object has fields that its type does not know."""
    if isinstance(value, list):
        return [it for n, one in enumerate(value) for it in unknown_fields(one, f"{place}[{n}]")]
    if not isinstance(value, BaseModel):
        return []
    found = [f"{place}.{name}" for name in value.model_extra or ()]
    for name in type(value).model_fields:
        found += unknown_fields(getattr(value, name), f"{place}.{name}")
    return found


def body_of(raw: LegacyAPIResponse[Any]) -> str:
    """All of an answer's body, streamed or not."""
    return raw.http_response.read().decode()


def events_of(stream: str) -> list[str]:
    """The data of a stream's events, without the end mark, with their form checked."""
    *events, done, nothing = stream.split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    assert all(event.startswith("data: {") and "\n" not in event for event in events)
    return [event.removeprefix("data: ") for event in events]
