"""The whole configuration as a file: exported, and imported after a look at what that would do."""

from __future__ import annotations

from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from inference import configuration
from inference.changes import Unacceptable
from inference.database import in_database_thread
from inference.exchange.exporting import export
from inference.exchange.importing import apply_plan
from inference.exchange.plans import LONGEST_FILE, NotAConfiguration, Plan, decode, read_plan
from npuconsole import listening
from npuconsole.console.access import who_asks
from npuconsole.console.pages import Context, console_action, console_page
from npuconsole.console.settings.plan_words import error_lines, lines_of

PREVIEW = "console/settings_import.html"


@console_page("settings", "console/settings_file.html")
def settings_file(request: HttpRequest) -> Context:
    """The page."""
    return {"tab": "file"}


@console_page("settings")
def settings_export(request: HttpRequest) -> HttpResponse:
    """The file."""
    response = HttpResponse(export(), content_type="application/toml; charset=utf-8")
    name = f"npuconsole-{datetime.now(UTC):%Y-%m-%d}.toml"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@console_action
async def settings_preview(request: HttpRequest) -> HttpResponse:
    """What importing the file, or the pasted text, would change."""
    try:
        text = await sync_to_async(_text)(request)
    except NotAConfiguration as problem:
        return await sync_to_async(render)(request, PREVIEW, {"trouble": str(problem)})
    return await _preview(request, text)


@console_action
async def settings_import(request: HttpRequest) -> HttpResponse:
    """Change it. The file is read again: what was shown may be old."""
    text = request.POST.get("text", "")
    try:
        plan = await sync_to_async(_plan)(text)
        count = await in_database_thread(apply_plan, await who_asks(request), plan)
    except (NotAConfiguration, Unacceptable):
        return await _preview(request, text)
    await configuration.refresh()
    context = {"applied": count, "lines": lines_of(plan)}
    return await sync_to_async(render)(request, PREVIEW, context)


async def _preview(request: HttpRequest, text: str) -> HttpResponse:
    context: Context = {"text": text}
    try:
        plan = await sync_to_async(_plan)(text)
        context |= {"plan": plan, "lines": lines_of(plan), "errors": error_lines(plan)}
    except NotAConfiguration as problem:
        context["trouble"] = str(problem)
    return await sync_to_async(render)(request, PREVIEW, context)


def _plan(text: str) -> Plan:
    if not text.strip():
        raise NotAConfiguration("Choose a file, or paste its text.")
    return read_plan(text, listening.problem_with)


def _text(request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile) and file.size:
        return decode(file.read(4 * LONGEST_FILE))
    return request.POST.get("text", "")
