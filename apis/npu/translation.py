"""From a dry run's body to the one internal request. Pure: raises InferenceError, asks nobody."""

from __future__ import annotations

from apis.calls import Call
from apis.conversation import require_capability, with_preset_system
from apis.npu.schemas import RouteBody
from apis.wishes import PREFER_DEVICE, Asked, parse_preference, read_asked
from inference.errors import InvalidRequest
from inference.requests import GenerationRequest, Message, Need, Sampling
from inference.snapshot import ModelInfo

LARGEST_INTEGER = 2**31 - 1


def asked_by(body: RouteBody, header: str) -> Asked:
    """The model and the wish: of the name's suffix, else of the body, else of the header. Raises
    InvalidRequest."""
    asked = read_asked(body.name)
    if asked.wish is not None:
        return asked
    in_body = parse_preference(body.prefer_device or "", "prefer_device")
    return Asked(asked.model, in_body or parse_preference(header, PREFER_DEVICE))


def route_request(call: Call, body: RouteBody, asked: Asked, model: ModelInfo) -> GenerationRequest:
    """The request that would be routed. Raises InvalidRequest naming the field, and
    CapabilityMissing for a model of another kind."""
    if (body.prompt is None) == (body.messages is None):
        raise InvalidRequest("either prompt or messages is required", field="prompt")
    if body.messages is not None and not body.messages:
        raise InvalidRequest("messages: there is none", field="messages")
    if body.raw and body.prompt is None:
        raise InvalidRequest("raw: only a prompt can be", field="raw")
    require_capability(model, "completion")
    return GenerationRequest(
        model=asked.model,
        family="console",
        endpoint=call.endpoint,
        request_id=call.request_id,
        client=call.client,
        received_at=call.received_at,
        messages=None if body.raw else _messages(body, model),
        prompt=body.prompt if body.raw else None,
        sampling=Sampling(max_tokens=_most_tokens(body)),
        num_ctx=body.num_ctx if body.num_ctx and body.num_ctx > 0 else None,
        needs=frozenset(_need(text) for text in body.needs or ()),
        wish=asked.wish,
    )


def _messages(body: RouteBody, model: ModelInfo) -> tuple[Message, ...]:
    if body.messages is None:
        return with_preset_system([Message("user", body.prompt or "")], model)
    messages = [Message(message.role, message.content) for message in body.messages]
    return with_preset_system(messages, model)


def _most_tokens(body: RouteBody) -> int | None:
    """None: as many as the model wants, which is what Ollama's -1 and -2 mean."""
    if body.max_tokens is not None:
        if body.max_tokens < 1:
            raise InvalidRequest(
                f"max_tokens must be at least 1, got {body.max_tokens}", field="max_tokens"
            )
        return min(LARGEST_INTEGER, body.max_tokens)
    if body.num_predict is None or body.num_predict < 1:
        return None
    return min(LARGEST_INTEGER, body.num_predict)


def _need(text: str) -> Need:
    if text not in set(Need):
        raise InvalidRequest(f"needs: {text[:40]!r} is not one of {', '.join(Need)}", field="needs")
    return Need(text)
