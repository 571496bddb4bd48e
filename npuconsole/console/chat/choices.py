"""What a person chooses for a conversation: models and devices side by side, and how they answer.

`read_choices` is pure: JSON of a browser in, `Choices` out, or `Unfit` with a sentence for the
person. `as_json` is what a conversation keeps of them, and reads back as the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from inference.requests import Sampling

MAX_LANES = 3
MAX_TEXT_CHARACTERS = 32_000
MAX_NAME_CHARACTERS = 250
MAX_TOOLS = 20
MAX_TOOLS_BYTES = 64 * 1024
MAX_STOPS = 8
MAX_STOP_CHARACTERS = 200
LARGEST_NUMBER = 2**63 - 1

FRACTIONS = (
    "temperature",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
)
WHOLE = ("top_k", "max_tokens", "seed")

_DEVICE = re.compile(r"(NPU|GPU|CPU)(\.[0-9]{1,3})?")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


class Unfit(ValueError):
    """A choice that cannot be used, in words for a person."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One column of a conversation: who answers. `device` "" leaves it to the routing rule."""

    model: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """How a question is to be answered. `system` "" is the model's own, `think` None what the model
    does by itself; with `must_call` an answer is a call of one of the `tools`."""

    lanes: tuple[Lane, ...]
    system: str = ""
    sampling: Sampling = Sampling()
    think: bool | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    must_call: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the conversation's row, and for the page that opens it again."""
        sampling = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self.sampling).items()
            if value is not None
        }
        return {
            "lanes": [asdict(lane) for lane in self.lanes],
            "system": self.system,
            "sampling": sampling,
            "think": self.think,
            "tools": list(self.tools),
            "must_call": self.must_call,
        }


def read_choices(raw: object) -> Choices:
    """The choices in decoded JSON. Raises Unfit."""
    if not isinstance(raw, dict):
        raise Unfit('"choices" must be a JSON object.')
    lanes, system, think = raw.get("lanes"), raw.get("system", ""), raw.get("think")
    if not isinstance(lanes, list) or not lanes:
        raise Unfit("Choose a model first.")
    if len(lanes) > MAX_LANES:
        raise Unfit(f"At most {MAX_LANES} answers stand side by side.")
    if not isinstance(system, str):
        raise Unfit("The system prompt must be text.")
    check_length(system, "The system prompt")
    if think not in (None, True, False):
        raise Unfit('"think" must be true, false or null.')
    tools = _tools(raw.get("tools") or [])
    return Choices(
        lanes=tuple(_lane(lane) for lane in lanes),
        system=system.strip(),
        sampling=_sampling(raw.get("sampling") or {}),
        think=think,
        tools=tools,
        must_call=bool(raw.get("must_call")) and bool(tools),
    )


def check_length(text: str, what: str) -> None:
    """Raises Unfit for a text that is too long."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise Unfit(
            f"{what} has at most {MAX_TEXT_CHARACTERS:,} characters, this one {len(text):,}."
        )


def _lane(raw: object) -> Lane:
    if not isinstance(raw, dict):
        raise Unfit("Every lane must be a JSON object.")
    model, device = raw.get("model"), raw.get("device", "")
    if not isinstance(model, str) or not model.strip():
        raise Unfit("Choose a model first.")
    if len(model) > MAX_NAME_CHARACTERS:
        raise Unfit(f"A model's name has at most {MAX_NAME_CHARACTERS} characters.")
    if not isinstance(device, str) or (device and not _DEVICE.fullmatch(device)):
        raise Unfit("A device is NPU, GPU, CPU, or one of several as GPU.1.")
    return Lane(model.strip(), device)


def _sampling(raw: object) -> Sampling:
    """Types are checked here; ranges by who uses the values, with the numbers in the message."""
    if not isinstance(raw, dict):
        raise Unfit('"sampling" must be a JSON object.')
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None:
            continue
        read = _READERS.get(name)
        if read is None:
            raise Unfit(f'"{str(name)[:40]}" is not a sampling parameter here.')
        values[name] = read(name, value)
    return Sampling(**values)


def _fraction(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"{name} must be a number.")
    if abs(value) > LARGEST_NUMBER:
        raise Unfit(f"{name} is too large.")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"{name} must be a whole number.")
    if abs(value) > LARGEST_NUMBER:
        raise Unfit(f"{name} is too large.")
    return value


def _stops(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(stop, str) for stop in value):
        raise Unfit("Stop texts must be a list of texts.")
    stops = tuple(stop for stop in value if stop)
    if len(stops) > MAX_STOPS or any(len(stop) > MAX_STOP_CHARACTERS for stop in stops):
        raise Unfit(f"At most {MAX_STOPS} stop texts of {MAX_STOP_CHARACTERS} characters.")
    return stops


_READERS: dict[str, Callable[[str, object], Any]] = {
    **dict.fromkeys(FRACTIONS, _fraction),
    **dict.fromkeys(WHOLE, _whole),
    "stop": _stops,
}


def _tools(raw: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(raw, list):
        raise Unfit("Tools must be a JSON list.")
    if len(raw) > MAX_TOOLS:
        raise Unfit(f"At most {MAX_TOOLS} tools.")
    try:
        size = len(orjson.dumps(raw))
    except TypeError:
        raise Unfit("The tools are nested too deeply.") from None
    if size > MAX_TOOLS_BYTES:
        raise Unfit(f"The tools have more than {MAX_TOOLS_BYTES // 1024} kB.")
    return tuple(_tool(tool) for tool in raw)


def _tool(raw: object) -> Mapping[str, Any]:
    """As in requests, or just the function's own object, which people write by hand."""
    function = raw.get("function", raw) if isinstance(raw, dict) else None
    if not isinstance(function, dict):
        raise Unfit("A tool must be a JSON object.")
    name, words = function.get("name"), function.get("description", "")
    parameters = function.get("parameters") or _NO_PARAMETERS
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        raise Unfit("A tool's name has 1 to 64 letters, digits, dots, hyphens or underscores.")
    if not isinstance(words, str) or not isinstance(parameters, dict):
        raise Unfit(f"{name}: a description is text, parameters are a JSON schema object.")
    return {
        "type": "function",
        "function": {"name": name, "description": words, "parameters": parameters},
    }
