"""What was asked, and one request's receipt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from inference import records, snapshot, status
from inference.database import in_database_thread
from inference.models import RequestRecord
from inference.snapshot import DeviceInfo
from npuconsole.console import figures
from npuconsole.console.pages import Context, Refusal, console_action, console_page
from npuconsole.console.requests import receipts
from npuconsole.console.requests.curl import curl, request_command
from npuconsole.console.requests.filters import (
    FAILED,
    FAMILIES,
    FINISHED,
    NO_DEVICE,
    REQUEST_ID,
    WINDOWS,
    Cursor,
    Filters,
)
from npuconsole.console.requests.log import MOST_COUNTED, LogPage, read_choices, read_page
from npuconsole.console.requests.receipts import Device
from npuconsole.console.requests.replay import replay
from npuconsole.console.words import describe_outcome


@console_page("requests")
def requests(request: HttpRequest) -> Context:
    """The page with its filters."""
    filters = Filters.read(request.GET)
    return {"groups": _choices(filters), "filters": filters, **_list(request, filters)}


@console_page("requests", "console/requests_list.html")
def requests_list(request: HttpRequest) -> Context:
    """The list alone: for other filters, and for new requests."""
    filters = Filters.read(request.GET)
    return {"filters": filters, **_list(request, filters)}


@console_page("requests", "console/requests_receipt.html")
def receipt(request: HttpRequest, request_id: str) -> Context:
    """Everything about one request."""
    row = RequestRecord.objects.filter(request_id=request_id).first()
    if row is not None:
        return _receipt(request, row, row.prompt, row.answer)
    if not REQUEST_ID.fullmatch(request_id):
        return {"missing": request_id, "status": 404}
    if status.find_running(request_id) is not None:
        return {"running": request_id}
    draft = async_to_sync(records.find)(request_id)
    if draft is None:
        return {"missing": request_id, "status": 404}
    return {**_receipt(request, draft, None, ""), "is_unwritten": True}


@console_action
async def forget_prompt(request: HttpRequest, request_id: str) -> HttpResponse:
    """Remove what is kept of one request's prompt and answer."""
    await records.forget_prompt(request_id)
    return JsonResponse({})


@console_action
async def ask_again(request: HttpRequest, request_id: str) -> HttpResponse:
    """Ask the same again on the device that the body names; answers when that is done. It stops
    when the browser leaves."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Refusal("That was not valid JSON.") from None
    device = body.get("device") if isinstance(body, dict) else None
    if not isinstance(device, str) or snapshot.current().device(device) is None:
        raise Refusal("There is no such device.", field="device")
    row = await in_database_thread(_find, request_id)
    if row is None or row.prompt is None:
        raise Refusal("The prompt of this request is not kept (any more).", status=409)
    client = request.META.get("REMOTE_ADDR") or "console"
    model, prompt = row.model_name, row.prompt
    return JsonResponse(await replay(prompt, row.answer, model=model, device=device, client=client))


def _find(request_id: str) -> RequestRecord | None:
    return RequestRecord.objects.filter(request_id=request_id).first()


def _list(request: HttpRequest, filters: Filters) -> Context:
    now = datetime.now(UTC)
    page = read_page(
        filters,
        now,
        before=Cursor.read(request.GET.get("before", "")),
        after=Cursor.read(request.GET.get("after", "")),
    )
    emulated = _emulated()
    return {
        "lines": [receipts.line_of(row, now, emulated) for row in page.rows],
        "is_newest": page.is_newest,
        "count_words": _count_words(page, filters),
        "older": filters.address(before=str(page.before)) if page.before else "",
        "newer": filters.address(after=str(page.after)) if page.after else "",
        "newest": filters.address(),
        "most_rows": f"{snapshot.current().settings.records_kept:,}",
        "most_days": snapshot.current().settings.records_kept_days,
    }


def _count_words(page: LogPage, filters: Filters) -> str:
    if not page.is_newest:
        return "older requests"
    matching = "" if filters.is_any else " that match"
    if page.count is None:
        return f"more than {MOST_COUNTED:,} requests{matching}"
    return f"{figures.counted(page.count, 'request')}{matching if page.count else ''}"


def _choices(filters: Filters) -> list[dict[str, Any]]:
    """The filters that are chosen from a list: name, label, and groups of (value, words)."""
    found = read_choices()
    exact = [(code, describe_outcome(code) or "finished") for code in found.outcomes]
    devices = [(name, name) for name in found.devices if name]
    if "" in found.devices:
        devices.append((NO_DEVICE, "No device"))
    kinds: list[tuple[str, str, list[tuple[str, list[tuple[str, str]]]]]] = [
        ("model", "Model", [("", [(name, name) for name in found.models if name])]),
        ("device", "Device", [("", devices)]),
        ("family", "Family", [("", list(FAMILIES.items()))]),
        (
            "outcome",
            "Outcome",
            [
                ("", [(FINISHED, "Answered"), (FAILED, "Failed or refused")]),
                ("Exactly", [(code, words[:1].upper() + words[1:]) for code, words in exact]),
            ],
        ),
        ("time", "Time", [("", [(key, words) for key, (words, _) in WINDOWS.items()])]),
    ]
    groups = []
    for name, label, choices in kinds:
        chosen = getattr(filters, name)
        if chosen and not any(chosen == value for _, options in choices for value, _ in options):
            choices.append(("Not in the log", [(chosen, chosen)]))
        groups.append({"name": name, "label": label, "choices": choices, "chosen": chosen})
    return [*groups, {"name": "client", "chosen": filters.client, "known": found.clients}]


def _receipt(
    request: HttpRequest,
    record: RequestRecord | records.RecordDraft,
    prompt: dict[str, Any] | None,
    answer: str,
) -> Context:
    now, emulated = datetime.now(UTC), _emulated()
    address = request.build_absolute_uri("/").rstrip("/")
    settings = snapshot.current().settings
    command = ""
    if prompt and not prompt.get("is_cut"):
        command = request_command(address, record.family, record.model_name, prompt)
    predicted = record.predicted_seconds
    return {
        "record": record,
        "line": receipts.line_of(record, now, emulated),
        "steps": receipts.chain_of(record.chain, emulated),
        "ttft": figures.seconds(record.ttft_seconds) if record.completion_tokens else "",
        "predicted": figures.seconds(predicted) if predicted else "",
        "devices": [Device(name, name in emulated) for name in record.devices],
        "prompt": prompt,
        "messages": _messages(prompt),
        "tools": _pretty(prompt.get("tools")) if prompt else "",
        "tool_calls": _pretty(prompt.get("tool_calls")) if prompt else "",
        "answer": answer,
        "kept_size": figures.size(_size(prompt, answer)),
        "prompts_are_kept": settings.prompts_are_kept,
        "no_replay": _why_no_replay(prompt),
        "targets": [_target(device) for device in snapshot.current().devices],
        "command": command,
        "receipt_command": curl(address, f"/api/npu/requests/{record.request_id}"),
        "replay_url": reverse("console:ask_again", args=[record.request_id]),
        "forget_url": reverse("console:forget_prompt", args=[record.request_id]),
    }


def _messages(prompt: dict[str, Any] | None) -> list[dict[str, str]]:
    """What was asked, as parts with a heading: a conversation's turns, or the text itself."""
    if not prompt:
        return []
    if "messages" in prompt:
        return [
            {
                "role": str(message.get("role", "")),
                "text": str(message.get("content", "")),
                "more": _pretty(message.get("extra")),
            }
            for message in prompt["messages"]
        ]
    if "inputs" in prompt:
        return [
            {"role": "input", "text": text if isinstance(text, str) else f"{text}", "more": ""}
            for text in prompt["inputs"]
        ]
    return [
        {"role": name, "text": str(prompt[name]), "more": ""}
        for name in ("prompt", "suffix")
        if name in prompt
    ]


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() if value else ""


def _size(prompt: dict[str, Any] | None, answer: str) -> int:
    return (len(orjson.dumps(prompt)) if prompt else 0) + len(answer.encode())


def _why_no_replay(prompt: dict[str, Any] | None) -> str:
    if prompt is None:
        return "It needs the prompt, which is not kept."
    if "inputs" in prompt:
        return "Requests for embeddings cannot be replayed."
    if prompt.get("is_cut"):
        return "The prompt was too long to be kept whole, so it would not be the same request."
    return ""


def _target(device: DeviceInfo) -> dict[str, Any]:
    """A device as a place to replay on, with what speaks against it."""
    why = ""
    if not device.present:
        why = device.absent_reason.partition(". ")[0] or "Not found by OpenVINO"
    elif not device.enabled:
        why = "Switched off in its device policy"
    return {"device": Device(device.name, device.emulated, device.present), "why_not": why}


def _emulated() -> frozenset[str]:
    return frozenset(d.name for d in snapshot.current().devices if d.emulated)
