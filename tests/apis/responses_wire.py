"""The Responses API's wire as its own package has it: events of a stream, strictly checked."""

from __future__ import annotations

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

EVENT: TypeAdapter[BaseModel] = TypeAdapter(ResponseStreamEvent)
ENDS = ("response.completed", "response.incomplete", "response.failed")

BESIDES = {
    # The Open Responses schema demands them; the package lets them through.
    "Response": {"store", "presence_penalty", "frequency_penalty"},
    "Logprob": {"bytes"},
    "LogprobTopLogprob": {"bytes"},
}


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a stream, each known to the package and with no field that it does not know,
    numbered without a gap, from response.created to one last event."""
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        if block.startswith(":"):
            continue
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert_known(EVENT.validate_python(event))
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = kinds_of(events)
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert [kind in ENDS for kind in kinds] == [False] * (len(kinds) - 1) + [True]
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    assert_consistent(events)
    return events


def response_of(data: Any) -> Response:
    """A response object, strictly checked."""
    response = Response.model_validate(data)
    assert_known(response)
    return response


def kinds_of(events: list[dict[str, Any]]) -> list[str]:
    """The events' types."""
    return [event["type"] for event in events]


def assert_known(value: Any) -> None:
    """Nothing in there is beyond what the package's types declare."""
    if isinstance(value, list):
        for item in value:
            assert_known(item)
    elif isinstance(value, BaseModel):
        more = set(value.model_extra or ()) - BESIDES.get(type(value).__name__, set())
        assert not more, f"{type(value).__name__} does not know {more}"
        for name in type(value).model_fields:
            assert_known(getattr(value, name))


def assert_consistent(events: list[dict[str, Any]]) -> None:
    """Items are added, filled and done in order; deltas add up to what is done and to the output
    of the last event."""
    done: list[dict[str, Any]] = []
    item: dict[str, Any] | None = None
    gathered = ""
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert item is None
            item, gathered = event["item"], ""
        elif "delta" in event:
            gathered += event["delta"]
        elif kind.endswith(("_text.done", "arguments.done", "input.done")):
            field = next(name for name in ("text", "arguments", "input") if name in event)
            assert event[field] == gathered
        elif kind == "output_item.done":
            assert item is not None
            assert (event["item"]["id"], event["item"]["type"]) == (item["id"], item["type"])
            done.append(event["item"])
            item = None
        if "output_index" in event:
            is_done = kind == "output_item.done"
            assert event["output_index"] == len(done) - is_done
        if "item_id" in event:
            assert item is not None
            assert event["item_id"] == item["id"]
    assert item is None
    assert events[-1]["response"]["output"] == done
