"""What the families' translations share: small checks and the order of a conversation's parts."""

from __future__ import annotations

import secrets
import string
from typing import Any

import orjson

from apis.limits import LONGEST_SCHEMA_BYTES, LONGEST_STOP_CHARACTERS, MOST_STOPS
from inference.catalog.names import parse_name
from inference.errors import CapabilityMissing, InvalidRequest
from inference.requests import AnswerSchema, Message, Need
from inference.snapshot import ModelInfo

_LETTERS = string.ascii_lowercase + string.digits


def with_preset_system(messages: list[Message], model: ModelInfo) -> tuple[Message, ...]:
    """The messages as that model's conversations begin: with its own system prompt unless they
    bring one, then with its preset turns."""
    if messages and messages[0].role == "system":
        return (messages[0], *model.messages, *messages[1:])
    system = (Message("system", model.system),) if model.system else ()
    return (*system, *model.messages, *messages)


def needs_of(
    *,
    tools: bool = False,
    schema: AnswerSchema | None = None,
    logprobs: bool = False,
    images: bool = False,
) -> frozenset[Need]:
    """What the request asks of its device beyond plain text."""
    wanted = {
        Need.TOOLS: tools,
        Need.SCHEMA: schema is not None,
        Need.LOGPROBS: logprobs,
        Need.IMAGES: images,
    }
    return frozenset(need for need, is_wanted in wanted.items() if is_wanted)


def new_call_id() -> str:
    """The id of a tool call: "call_" and eight lower-case letters or digits."""
    return "call_" + "".join(secrets.choice(_LETTERS) for _ in range(8))


def answer_schema(schema: Any, field: str) -> AnswerSchema:
    """A schema as a client sent it in `field`. Raises InvalidRequest naming that when it is too
    large or nested too deeply; keywords are looked at later."""
    try:
        size = len(orjson.dumps(schema))
    except TypeError:
        raise InvalidRequest(f"{field}: the schema is nested too deeply", field=field) from None
    if size > LONGEST_SCHEMA_BYTES:
        raise InvalidRequest(
            f"{field}: the schema has more than {LONGEST_SCHEMA_BYTES} bytes", field=field
        )
    return AnswerSchema(schema, field)


def checked_stops(stops: list[str], field: str = "stop") -> tuple[str, ...]:
    """The stop strings that are not empty. Raises InvalidRequest when they are too many or long."""
    if len(stops) > MOST_STOPS:
        raise InvalidRequest(f"{field}: at most {MOST_STOPS} stop strings", field=field)
    if any(len(stop) > LONGEST_STOP_CHARACTERS for stop in stops):
        raise InvalidRequest(
            f"{field}: a stop string has at most {LONGEST_STOP_CHARACTERS} characters", field=field
        )
    return tuple(stop for stop in stops if stop)


def full_name(model: ModelInfo) -> str:
    """The name with every part, as Ollama puts it into some errors."""
    name = parse_name(model.name)
    return f"{name.host}/{name.namespace}/{name.model}:{name.tag}"


def require_capability(model: ModelInfo, capability: str) -> None:
    """Raises CapabilityMissing in Ollama's words."""
    if capability not in model.capabilities:
        raise CapabilityMissing(
            f"{full_name(model)} does not support {capability}", capability=capability
        )
