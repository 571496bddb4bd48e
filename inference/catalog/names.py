"""Model names in Ollama's grammar: `[host/][namespace/]model[:tag]`.

What clients type is parsed here and nowhere else, so that every room agrees on which names are
the same: parts are compared without regard to case, missing parts have Ollama's defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference.errors import InvalidRequest

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

MAX_DISPLAY_LENGTH = 250
"""Characters of the longest name that the catalogue can hold."""

# Source: Ollama's types/model/name.go; a host may carry a port, a namespace has no dots.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name with every part present, in the letters the client used."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def display(self) -> str:
        """Without the default host and namespace, always with the tag: `llama3.2:latest`."""
        name = f"{self.model}:{self.tag}"
        if self.host.lower() != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{name}"
        if self.namespace.lower() != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{name}"
        return name

    @property
    def key(self) -> str:
        """Equal for names that mean the same model, and only for those."""
        return self.display.lower()

    def __str__(self) -> str:
        return self.display


def parse_name(text: str) -> ModelName:
    """Return the name that `text` spells; raises InvalidRequest when it is outside the grammar."""
    name = _split(text)
    parts = (
        (_HOST, name.host),
        (_NAMESPACE, name.namespace),
        (_PART, name.model),
        (_PART, name.tag),
    )
    if not all(pattern.fullmatch(part) for pattern, part in parts):
        raise _invalid()
    if len(name.display) > MAX_DISPLAY_LENGTH:
        raise _invalid()
    return name


def same_model(first: str | ModelName, second: str | ModelName) -> bool:
    """Whether two names mean the same model; a text outside the grammar means none."""
    try:
        return _as_name(first).key == _as_name(second).key
    except InvalidRequest:
        return False


def _as_name(name: str | ModelName) -> ModelName:
    return name if isinstance(name, ModelName) else parse_name(name)


def _split(text: str) -> ModelName:
    rest, tag = text, DEFAULT_TAG
    if text.rfind(":") > text.rfind("/"):  # else the colon is a port's or a scheme's
        rest, _, tag = text.rpartition(":")
    rest, _, model = rest.rpartition("/")
    if not rest and "/" not in text:
        return ModelName(DEFAULT_HOST, DEFAULT_NAMESPACE, model, tag)
    before, slash, namespace = rest.rpartition("/")
    if not slash:
        return ModelName(DEFAULT_HOST, namespace, model, tag)
    scheme, separator, host = before.partition("://")
    return ModelName(host if separator else scheme, namespace, model, tag)


def _invalid() -> InvalidRequest:
    return InvalidRequest("invalid model name", field="model")
