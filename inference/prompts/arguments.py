"""Whether a tool can take a call's arguments, by its JSON schema.

The `jsonschema` package takes a sixth of a second to import, so it is imported with the first
request that brings tools, off the event loop. Regular expressions in schemas are passed over:
Python's may run for ever on a text made for it, and constrained calls satisfy them anyway.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from inference.errors import InvalidRequest

LONGEST_PROBLEM = 200
NO_ARGUMENTS: Mapping[str, Any] = {
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}
_UNCHECKED = ("pattern", "patternProperties")

Tool = Mapping[str, Any]


class _Validator(Protocol):
    def iter_errors(self, instance: Any) -> Any: ...


class ToolChecks:
    """The tools of one request, ready to check calls to them."""

    def __init__(self, validators: Mapping[str, _Validator]) -> None:
        self._validators = validators

    def knows(self, name: str) -> bool:
        """Whether there is a tool of that name."""
        return name in self._validators

    def find_problem(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Why the tool cannot take these arguments, "" if it can."""
        validator = self._validators.get(name)
        if validator is None:
            return f"there is no tool {name[:LONGEST_PROBLEM]!r}"
        from referencing.exceptions import Unresolvable

        try:
            error = next(iter(validator.iter_errors(arguments)), None)
        except (Unresolvable, RecursionError) as unresolved:
            return f"the tool's schema cannot be applied: {unresolved}"[:LONGEST_PROBLEM]
        if error is None:
            return ""
        place = "".join(f"[{part!r}]" for part in error.absolute_path)
        return f"arguments{place}: {error.message}"[:LONGEST_PROBLEM]


async def checks_of(tools: Sequence[Tool]) -> ToolChecks:
    """The checks of these tools, made once per set of tools, off the event loop. Raises
    InvalidRequest naming a tool whose schema is none."""
    if not tools:
        return ToolChecks({})
    # Pairs keep the order of keys, which a hash of the tools must see.
    text = json.dumps([function_of(tool) for tool in tools], default=str)
    return await asyncio.to_thread(_checks, text)


def warm_up() -> None:
    """Import what checks need, so that the first request with tools does not wait for it. Takes a
    sixth of a second; to be called off the event loop."""
    import jsonschema  # noqa: F401


def function_of(tool: Tool) -> Mapping[str, Any]:
    """The {"name", "description", "parameters"} of a tool. Raises InvalidRequest."""
    function = tool.get("function", tool)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InvalidRequest("a tool without a function that has a name", field="tools")
    return function


def parameters_of(tool: Tool) -> Any:
    """The JSON schema of a tool's arguments; a tool without one takes none."""
    return function_of(tool).get("parameters") or NO_ARGUMENTS


def _pass(validator: Any, value: Any, instance: Any, schema: Any) -> None:
    """A keyword that is not checked."""


@functools.lru_cache(maxsize=32)
def _checks(text: str) -> ToolChecks:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import extend
    from referencing import Registry

    validator = extend(Draft202012Validator, dict.fromkeys(_UNCHECKED, _pass))
    validators = {}
    for function in json.loads(text):
        schema = parameters_of(function)
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise InvalidRequest(
                f'invalid input_schema for tool "{function["name"]}": {error.message}'[
                    :LONGEST_PROBLEM
                ],
                field="tools",
            ) from None
        # With a registry of its own it never fetches a reference from the network.
        validators[function["name"]] = validator(schema, registry=Registry())
    return ToolChecks(validators)
