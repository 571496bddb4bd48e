"""The presets editor's form: from a model's row to fields, and back to checked presets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.catalog.copies import Presets
from inference.errors import InvalidRequest
from inference.presets import OTHER_NAMES, PRESET_ROLES, read_preset
from inference.prompts.go_templates import as_jinja
from inference.prompts.templates import check_template
from inference.requests import Message
from inference.sampling_limits import settle
from inference.snapshot import ModelInfo
from npuconsole.console.pages import Refusal
from npuconsole.console.words import sentence

LONGEST_TEXT = 256 * 1024
"""Characters of a system prompt, a template, a message."""
MOST_MESSAGES = 100
MOST_STOPS = 64
LONGEST_STOP = 4096
STOP = "stop"
_SHORT_NAMES = {ours: short for short, ours in OTHER_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a model can have as its preset; `least` and `most` bound it."""

    name: str
    title: str
    help: str
    is_whole: bool
    least: float
    most: float | None = None

    @property
    def step(self) -> str:
        """For the field in the page."""
        return "1" if self.is_whole else "any"


PARAMETERS = (
    Parameter("temperature", "Temperature", "0 always takes the likeliest token", False, 0, 100),
    Parameter("top_p", "Top p", "share of the probability that is drawn from", False, 0, 1),
    Parameter("top_k", "Top k", "likeliest tokens drawn from; 0: all", True, 0, 2**31 - 1),
    Parameter("min_p", "Min p", "of the likeliest token's probability", False, 0, 1),
    Parameter("repeat_penalty", "Repeat penalty", "1 is none", False, 0.00001),
    Parameter("presence_penalty", "Presence penalty", "0 is none", False, -2, 2),
    Parameter("frequency_penalty", "Frequency penalty", "0 is none", False, -2, 2),
    Parameter("num_predict", "Longest answer", "tokens; -1: until the end", True, -1, 2**31 - 1),
    Parameter("num_ctx", "Context", "tokens of prompt and answer", True, 1, 2**31 - 1),
    Parameter("seed", "Seed", "the same numbers, the same answer", True, 0, 2**53),
)
_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter with what the model's row has for it, "" if nothing."""

    parameter: Parameter
    value: str


def fields_of(model: ModelInfo) -> tuple[Field, ...]:
    """The editor's number fields for that model."""
    stored = {_SHORT_NAMES.get(name, name): value for name, value in model.parameters.items()}
    return tuple(Field(parameter, _text(stored.get(parameter.name))) for parameter in PARAMETERS)


def stops_of(model: ModelInfo) -> str:
    """The model's stop texts, one a line."""
    stop = model.parameters.get(STOP) or ()
    return "\n".join([stop] if isinstance(stop, str) else [str(text) for text in stop])


def read_presets(body: Mapping[str, Any], before: Mapping[str, Any]) -> Presets:
    """The presets that a filled form means. `before` are the model's parameters: what the form has
    no field for stays. Raises Refusal with the field's name."""
    kept = {
        name: value
        for name, value in before.items()
        if _SHORT_NAMES.get(name, name) not in _BY_NAME and name != STOP
    }
    parameters = {**kept, **_read_parameters(_mapping(body.get("parameters")))}
    template = _read_text(body, "template", "The template")
    try:
        if template:
            check_template(as_jinja(template))
        settle(read_preset(parameters))
    except InvalidRequest as error:
        field = error.field or ""
        raise Refusal(sentence(error.message), field=_SHORT_NAMES.get(field, field)) from None
    return Presets(
        system=_read_text(body, "system", "The system prompt"),
        template=template,
        messages=_read_messages(body.get("messages")),
        parameters=parameters,
    )


def _read_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        text = str(value).replace("\r\n", "\n")
        if name == STOP:
            if stops := _read_stops(text):
                found[name] = stops
        elif name not in _BY_NAME:
            raise Refusal(f"There is no parameter {name[:40]}.", field="parameters")
        elif text.strip():
            found[name] = _read_number(_BY_NAME[name], text.strip())
    return found


def _read_number(parameter: Parameter, text: str) -> float | int:
    kind = "a whole number" if parameter.is_whole else "a number"
    try:
        number = int(text) if parameter.is_whole else float(text)
        is_fine = parameter.least <= number and number <= (parameter.most or float(2**63))
    except (ValueError, OverflowError):
        raise Refusal(
            f"{parameter.title} must be {kind}, not {text[:40]}.", field=parameter.name
        ) from None
    if parameter.name == "num_predict" and number == 0:
        is_fine = False
    if not is_fine:
        most = "" if parameter.most is None else f" to {parameter.most:,g}"
        raise Refusal(
            f"{parameter.title} must be {kind} from {parameter.least:,g}{most}.",
            field=parameter.name,
        )
    return number


def _read_stops(text: str) -> list[str]:
    stops = list(dict.fromkeys(line for line in text.split("\n") if line))
    if len(stops) > MOST_STOPS or any(len(stop) > LONGEST_STOP for stop in stops):
        raise Refusal(
            f"At most {MOST_STOPS} stop texts of at most {LONGEST_STOP:,} characters.", field=STOP
        )
    return stops


def _read_text(body: Mapping[str, Any], name: str, title: str) -> str:
    text = body.get(name, "")
    if not isinstance(text, str):
        raise Refusal(f"{title} must be a text.", field=name)
    text = text.replace("\r\n", "\n")
    if len(text) > LONGEST_TEXT:
        raise Refusal(f"{title} may have at most {LONGEST_TEXT:,} characters.", field=name)
    return text


def _read_messages(given: Any) -> tuple[Message, ...]:
    turns = given if isinstance(given, list) else []
    if len(turns) > MOST_MESSAGES:
        raise Refusal(f"At most {MOST_MESSAGES} messages.", field="messages")
    messages = []
    for turn in turns:
        told = _mapping(turn)
        role, content = told.get("role"), _read_text(told, "content", "A message")
        if role not in PRESET_ROLES:
            raise Refusal(
                "A message is of the system, the user or the assistant.", field="messages"
            )
        if content.strip():
            messages.append(Message(role, content))
    return tuple(messages)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)
