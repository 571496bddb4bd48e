"""A model's presets from a file, checked. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from inference.errors import InvalidRequest
from inference.presets import PRESET_ROLES, read_preset
from inference.prompts.go_templates import as_jinja
from inference.prompts.templates import check_template
from inference.sampling_limits import settle

_LONGEST_TEXT = 256 * 1024


def checked_presets(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values as a model's row has them, and the words about those that cannot be."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in values.items():
        try:
            found[name] = _READERS[name](value)
        except InvalidRequest as error:
            errors[name] = error.message
        except ValueError as error:
            errors[name] = str(error)
    return found, errors


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError("A text of up to 256 kB.")
    return value


def _template(value: Any) -> str:
    text = _text(value)
    if text:
        check_template(as_jinja(text))
    return text


def _parameters(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("A table of parameters, such as { temperature = 0.2 }.")
    settle(read_preset(value))
    return value


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not all(
        isinstance(item, dict)
        and set(item) == {"role", "content"}
        and item["role"] in PRESET_ROLES
        and isinstance(item["content"], str)
        for item in value
    ):
        raise ValueError("A list of tables, each with a role and a content.")
    return value


def _keep_alive(value: Any) -> float | None:
    if value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("Seconds; negative: for ever; empty: the server's default.")
    return float(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "system": _text,
    "template": _template,
    "parameters": _parameters,
    "messages": _messages,
    "keep_alive_seconds": _keep_alive,
}
