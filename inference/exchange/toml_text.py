"""Writing TOML, which the standard library only reads. Pure.

A document is a list of sections; what is nested inside one of them is written in its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Section:
    """One table: `path` is its name's parts, () the top; `is_entry` makes it one of a list of
    tables. `notes` are comments above keys, `note` the one above all. Values that are None are left
    out, because TOML has none."""

    path: tuple[str, ...]
    values: Mapping[str, Any]
    note: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    is_entry: bool = False


def write(sections: Iterable[Section]) -> str:
    """The sections as TOML."""
    return "\n\n".join("\n".join(_lines(section)) for section in sections) + "\n"


def _lines(section: Section) -> Iterator[str]:
    yield from _comment(section.note)
    if section.path:
        name = ".".join(_key(part) for part in section.path)
        yield f"[[{name}]]" if section.is_entry else f"[{name}]"
    for key, value in section.values.items():
        if value is not None:
            yield from _comment(section.notes.get(key, ""))
            yield f"{_key(key)} = {_value(value)}"


def _comment(words: str) -> Iterator[str]:
    return (f"# {line}" for line in words.splitlines())


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(
            f"{_key(str(key))} = {_value(item)}" for key, item in value.items() if item is not None
        )
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    return _text(str(value))


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for one character that JSON does not escape."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
