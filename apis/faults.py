"""What can go wrong on the way in, as the same InferenceError values that inference raises.

A family's `errors` then needs one table from error class to its own status and body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from inference.errors import InferenceError, InvalidRequest

Row = TypeVar("Row")


_TYPES = frozenset({"str", "int", "float", "bool", "dict", "list"})


class InternalError(InferenceError):
    """Something that was not made for clients; `__cause__` is for the log."""


class BodyTooLarge(InvalidRequest):
    """The body has more than `most` bytes, as it was sent or unpacked."""

    code = "body_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"the request body has more than {most} bytes")


class NotBuilt(InvalidRequest):
    """A part of the peer's API that this server does not have; the text names the field."""


def as_inference_error(error: Exception, request_id: str, body: bytes = b"x") -> InferenceError:
    """Any exception as one whose message a client may read."""
    if isinstance(error, InferenceError):
        return error
    if isinstance(error, ValidationError):
        return _validation(error) if body else InvalidRequest("missing request body")
    if isinstance(error, HttpError):
        cause = error.__cause__
        return cause if isinstance(cause, InferenceError) else InvalidRequest(_parser_text(error))
    internal = InternalError(f"internal error, the server's log says more under {request_id}")
    internal.__cause__ = error
    return internal


def cause_of(error: InferenceError) -> BaseException | None:
    """What the log should have the traceback of: only of what nobody expected."""
    return error.__cause__ if isinstance(error, InternalError) else None


def answer_errors(api: NinjaAPI, answer: Callable[[Any, Exception], HttpResponse]) -> None:
    """Have one function answer every exception of an API; ninja looks them up by class."""
    for kind in (InferenceError, ValidationError, HttpError, Exception):
        api.add_exception_handler(kind, answer)  # type: ignore[arg-type]


def row_of(table: Mapping[type[InferenceError], Row], error: InferenceError) -> Row:
    """The table's row for the error's class, or for the nearest class it derives from."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


def body_of(request: HttpRequest) -> bytes:
    """The request's body, b"" if it has none."""
    return bytes(request.body)


def _validation(error: ValidationError) -> InvalidRequest:
    """The first complaint; of several about one value, the one that goes deepest into it."""
    complaints = [(_place(one["loc"]), str(one["msg"])) for one in error.errors]
    first = complaints[0][0]
    place, text = max(
        (one for one in complaints if one[0].startswith(first)), key=lambda one: len(one[0])
    )
    if not place:
        return InvalidRequest("the request body must be a JSON object")
    text = text.partition(" or instance of ")[0]  # pydantic names our class
    return InvalidRequest(f"{place}: {text}", field=place)


def _place(steps: Sequence[Any]) -> str:
    """Where in the body or query, as clients write it: messages[0].role. The steps begin with
    ninja's two, or one for a query, and hold the names of the types that pydantic tried."""
    place = ""
    for step in steps[1 if steps and steps[0] == "query" else 2 :]:
        if isinstance(step, int):
            place += f"[{step}]"
        elif step not in _TYPES and "[" not in step:
            place += f".{step}" if place else step
    return place


def _parser_text(error: HttpError) -> str:
    cause = error.__cause__
    if isinstance(cause, orjson.JSONDecodeError):
        return f"invalid JSON: {cause}"
    return str(error)
