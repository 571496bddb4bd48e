"""A model's preset parameters, as `Sampling`.

Rows hold them under the names that people know from Modelfiles; our own names work as well. What
cannot be used is left out: a preset must never make a model unusable.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from inference.requests import Message, Sampling

log = logging.getLogger(__name__)

OTHER_NAMES = {"num_predict": "max_tokens", "repeat_penalty": "repetition_penalty"}
PRESET_ROLES = ("system", "user", "assistant")
_WHOLE = frozenset({"top_k", "seed", "max_tokens"})
_FRACTIONS = frozenset(
    {
        "temperature",
        "top_p",
        "min_p",
        "repetition_penalty",
        "presence_penalty",
        "frequency_penalty",
    }
)


def read_preset(parameters: Any) -> Sampling:
    """The sampling parameters among those of a row. Parameters of other kinds are passed over."""
    if not isinstance(parameters, Mapping):
        return Sampling()
    values: dict[str, Any] = {}
    for given, value in parameters.items():
        name = OTHER_NAMES.get(given, given)
        if name in _WHOLE | _FRACTIONS | {"stop", "ignore_eos"}:
            read = _read(name, value)
            if read is None and not _means_unlimited(name, value):
                log.warning("the preset parameter %s=%r cannot be used", given, value)
            else:
                values[name] = read
    return Sampling(**values)


def read_num_ctx(parameters: Mapping[str, Any]) -> int | None:
    """The tokens that prompt and answer may have together, None if the preset does not say."""
    value = parameters.get("num_ctx")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value >= 1 else None


def read_messages(messages: Any) -> tuple[Message, ...]:
    """The turns with which every conversation begins; what is no turn is left out."""
    return tuple(
        Message(entry["role"], entry["content"])
        for entry in (messages if isinstance(messages, list) else ())
        if isinstance(entry, Mapping)
        and entry.get("role") in PRESET_ROLES
        and isinstance(entry.get("content"), str)
    )


def _means_unlimited(name: str, value: Any) -> bool:
    return name == "max_tokens" and isinstance(value, int | float) and value < 0


def _read(name: str, value: Any) -> Any:
    if name == "stop":
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
            return tuple(text for text in texts if text)
        return None
    if name == "ignore_eos":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if _means_unlimited(name, value):
        return None
    return int(value) if name in _WHOLE else float(value)
