"""Whether what the server sends fits the official package's types, strictly."""

from __future__ import annotations

from typing import Any

import orjson
from anthropic.types import RawMessageStreamEvent
from pydantic import BaseModel, TypeAdapter

EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def assert_fits(kind: type[BaseModel] | TypeAdapter[Any], value: Any) -> Any:
    """`value` as the package's object. The package itself takes anything; here a missing field, a
    wrong type and a field that it does not know all fail."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    read = adapter.validate_python(value, strict=True)
    _assert_known(read, "")
    return read


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The data of a stream's events, each checked against its name and the package's types."""
    assert stream.endswith(b"\n\n")
    found = []
    for piece in stream.removesuffix(b"\n\n").split(b"\n\n"):
        name, data = piece.split(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        if event["type"] not in ("ping", "error"):
            assert_fits(EVENTS, event)
        found.append(event)
    return found


def _assert_known(value: Any, place: str) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{place}: {type(value).__name__} has {value.model_extra}"
        for name in type(value).model_fields:
            _assert_known(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _assert_known(item, f"{place}[{index}]")
