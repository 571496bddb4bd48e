"""JSON of what a model wrote: numbers may be longer than 64 bits, and text may hold halves of
characters, both of which orjson refuses."""

from __future__ import annotations

import json
from typing import Any

import orjson


def json_bytes(value: Any) -> bytes:
    """The value as JSON in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def json_text(value: Any) -> str:
    """The same as text, for JSON inside of JSON."""
    return json_bytes(value).decode()
