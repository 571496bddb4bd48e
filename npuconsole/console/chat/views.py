"""Talk to a model, on a device of choice, or compare several; and find what was said before."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from inference import snapshot
from inference.admin.facts import human_bytes
from inference.database import in_database_thread
from inference.models import Conversation
from inference.requests import Sampling
from inference.snapshot import ModelInfo
from npuconsole.console.chat import conversations
from npuconsole.console.chat.answers import CONSOLE_DEFAULTS
from npuconsole.console.chat.choices import (
    MAX_LANES,
    MAX_TEXT_CHARACTERS,
    Lane,
    Unfit,
    read_choices,
)
from npuconsole.console.chat.searching import PAGE_SIZE, find_conversations
from npuconsole.console.pages import Context, Refusal, console_action, console_page


@console_page("chat")
def chat(request: HttpRequest, pk: int | None = None) -> Context:
    """The page: a new conversation, or one that was begun. `?to=model@device` (or `?model=`) says
    who is to answer a new one, once for each lane; `?q=` what the list is searched for."""
    asked = request.GET.getlist("to") or request.GET.getlist("model")
    conversation = Conversation.objects.filter(pk=pk).first() if pk is not None else None
    is_gone = pk is not None and conversation is None
    opened = None
    if conversation is not None:
        opened = {
            "id": conversation.pk,
            "title": conversation.title,
            "choices": conversation.settings,
            "messages": conversations.read_messages(conversation.pk),
        }
    return {
        **_list(request, pk),
        "title": conversation.title if conversation else "",
        "is_gone": is_gone,
        "status": 404 if is_gone else 200,
        "chat": {
            "conversation": opened,
            "lanes": [asdict(lane) for lane in asked_lanes(asked)],
            "models": {model.name: _model(model) for model in snapshot.current().models.values()},
            "defaults": _sampling(CONSOLE_DEFAULTS),
            "max_lanes": MAX_LANES,
            "max_characters": MAX_TEXT_CHARACTERS,
            "url": reverse("console:chat"),
        },
    }


@console_page("chat", "console/_conversations.html")
def conversation_list(request: HttpRequest) -> Context:
    """The list alone, for htmx: after a search, and when a conversation was begun or deleted."""
    current = request.GET.get("current", "")
    return _list(request, int(current) if current.isdecimal() else None)


@console_page("chat", "console/_conversation_delete.html")
def conversation_delete_question(request: HttpRequest, pk: int) -> Context | HttpResponse:
    """What deleting that conversation would remove, in a dialog."""
    conversation = Conversation.objects.filter(pk=pk).first()
    if conversation is None:
        return HttpResponse(status=404)
    messages, characters = conversations.weigh(pk)
    return {
        "conversation": conversation,
        "messages": messages,
        "size": human_bytes(characters),
    }


@console_action
async def conversation_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a conversation."""
    if not await in_database_thread(conversations.delete, pk):
        raise Refusal("That conversation was deleted already.", status=404)
    return JsonResponse({"deleted": pk})


def asked_lanes(names: list[str]) -> tuple[Lane, ...]:
    """The lanes that an address asks for, `model` or `model@device` each; those that cannot be are
    left out. Pure."""
    lanes: list[Lane] = []
    for name in names[:MAX_LANES]:
        model, at, device = name.rpartition("@")
        lane = {"model": model if at else name, "device": device.upper() if at else ""}
        try:
            lanes += read_choices({"lanes": [lane]}).lanes
        except Unfit:
            continue
    return tuple(lanes)


def _list(request: HttpRequest, current: int | None) -> Context:
    query = request.GET.get("q", "").strip()
    after = request.GET.get("after", "")
    offset = int(after) if after.isdecimal() and len(after) < 7 else 0
    found, has_more = find_conversations(query, offset=offset)
    more: dict[str, Any] = {"after": offset + PAGE_SIZE}
    if query:
        more["q"] = query
    if current is not None:
        more["current"] = current
    return {
        "query": query,
        "found": found,
        "is_first": offset == 0,
        "more": urlencode(more) if has_more else "",
        "current": current,
    }


def _model(model: ModelInfo) -> dict[str, Any]:
    return {
        "thinks": "thinking" in model.capabilities,
        "system": model.system,
        "preset": _sampling(model.preset),
        "context": model.context_length,
    }


def _sampling(sampling: Sampling) -> dict[str, Any]:
    return {name: value for name, value in asdict(sampling).items() if value is not None}
