"""Each family's OpenAPI document: what ninja reads off the routes, and what may come besides.

Errors are raised and answered by table, so the document gets them from the table. A route whose
answer may be a stream says so with `streams_as`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from django.http import HttpResponse
from ninja import NinjaAPI

STREAMED = "x-streamed-as"
"""In a route's `openapi_extra`: the content type of its stream."""

_AT_THE_DOOR = {
    403: "The page that asks is not allowed to.",
    404: "There is no such path, or no such thing.",
    405: "The path has no such method.",
    413: "The body is too large.",
    421: "The Host header is not this server's.",
}
"""What any path may answer before its family is asked."""


def describe(
    api: NinjaAPI, prefix: str, *, statuses: Iterable[int], error: dict[str, Any]
) -> HttpResponse:
    """The document of an API whose paths begin with `prefix`. `statuses` are those of its errors,
    `error` is the JSON schema of their body."""
    document: dict[str, Any] = api.get_openapi_schema(path_prefix=prefix)
    document["components"]["schemas"]["Error"] = error
    for operations in document["paths"].values():
        for operation in operations.values():
            _complete(operation, statuses)
    return HttpResponse(
        orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS), content_type="application/json"
    )


def streams_as(content_type: str) -> dict[str, Any]:
    """The `openapi_extra` of a route that streams where the client asks for it."""
    return {STREAMED: content_type}


def answers_with(status: int, words: str) -> dict[str, Any]:
    """The `openapi_extra` of a route that has an answer of its own."""
    return {"responses": {status: {"description": words}}}


def object_of(**properties: Any) -> dict[str, Any]:
    """The JSON schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _complete(operation: dict[str, Any], statuses: Iterable[int]) -> None:
    answers: dict[Any, Any] = operation["responses"]
    good = answers.setdefault(200, {"description": "OK"})
    content = good.setdefault("content", {"application/json": {"schema": {"type": "object"}}})
    if streamed := operation.pop(STREAMED, None):
        content[streamed] = {"schema": {"type": "string"}}
    body = {"schema": {"$ref": "#/components/schemas/Error"}}
    plain = {"schema": {"type": "string"}}
    for status in sorted({*statuses, *_AT_THE_DOOR}):
        if status in answers:
            continue
        words = _AT_THE_DOOR.get(status, "The body says what was wrong.")
        kinds = {"application/json": body} if status in statuses else {}
        if status in _AT_THE_DOOR:
            kinds["text/plain"] = plain
        answers[status] = {"description": words, "content": kinds}
