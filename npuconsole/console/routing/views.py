"""Which device gets which prompt, what would change if, and what really happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from inference import changes, configuration, snapshot
from inference.calibration import asked
from inference.changes import CannotUndo, Checked, Unacceptable, UnknownSubject
from inference.database import in_database_thread
from inference.errors import InferenceError
from inference.models import ConfigurationChange
from inference.ranges import measured_threshold
from npuconsole.console.access import who_asks
from npuconsole.console.change_words import change_words, subject_words
from npuconsole.console.pages import Context, Refusal, console_action, console_page
from npuconsole.console.routing.dry_run import NotADryRun, dry_runs
from npuconsole.console.routing.form import Edits, edits_in
from npuconsole.console.routing.page import choose_model, page_context, preview_context

BODY = "console/routing_body.html"


@console_page("routing")
def routing(request: HttpRequest) -> Context:
    """The page, about the model that the address names."""
    return page_context(request.GET.get("model", ""))


@console_page("routing", "console/routing_preview.html")
def routing_preview(request: HttpRequest) -> Context:
    """What the rule does now, and what it would do with the edits of the form."""
    picture = snapshot.current()
    model = choose_model(picture, request.GET.get("model", ""))
    return preview_context(model, edits_in(request.GET, picture), picture)


@console_action
async def routing_apply(request: HttpRequest) -> HttpResponse:
    """Write what the form says."""
    edits = edits_in(request.POST, snapshot.current())
    return await _body(request, await _apply(request, edits))


@console_action
async def routing_use_measured(request: HttpRequest) -> HttpResponse:
    """The measured threshold becomes the model's own limit."""
    picture = snapshot.current()
    model = picture.models.get(request.POST.get("model", ""))
    found = measured_threshold(model, picture) if model else None
    if model is None or found is None or found.tokens < 1:
        raise Refusal("There is no measured threshold for this model now.", status=409)
    edits = {f"Model.{model.name}": {"token_limit": found.tokens}}
    return await _body(request, await _apply(request, edits))


@console_action
async def routing_undo(request: HttpRequest, change_id: int) -> HttpResponse:
    """Write what was there before that change."""
    change = await ConfigurationChange.objects.filter(pk=change_id).afirst()
    if change is None:
        raise Refusal("That change is not in the list any more.", status=404)
    try:
        undone = await in_database_thread(changes.undo, change, await who_asks(request))
    except CannotUndo as refusal:
        raise Refusal(str(refusal), status=409) from None
    await configuration.refresh()
    return await _body(request, [undone], "Undone")


@console_action
async def routing_dry_run(request: HttpRequest) -> HttpResponse:
    """The decision on a prompt, by the rule in force and by the edited one."""
    context: Context = {}
    try:
        pending = await in_database_thread(_pending, edits_in(request.POST, snapshot.current()))
        context["runs"] = await dry_runs(request.POST, await who_asks(request), pending)
    except NotADryRun as trouble:
        context["trouble"] = str(trouble)
    return await sync_to_async(render)(request, "console/routing_decision.html", context)


@console_action
async def routing_calibrate(request: HttpRequest) -> HttpResponse:
    """Measure a model on a device, in the background."""
    wish = request.POST.get("model", ""), request.POST.get("device", "")
    return _told(lambda: asked.begin(wish))


@console_action
async def routing_calibration_stop(request: HttpRequest) -> HttpResponse:
    """End the calibration that was asked for."""
    await asked.stop()
    return JsonResponse({})


@console_action
async def routing_calibration_dismiss(request: HttpRequest) -> HttpResponse:
    """Its end was read."""
    asked.dismiss()
    return JsonResponse({})


def _told(act: Callable[[], None]) -> HttpResponse:
    try:
        act()
    except InferenceError as error:
        raise Refusal(error.message, status=409) from None
    return JsonResponse({})


async def _apply(request: HttpRequest, edits: Edits) -> list[ConfigurationChange]:
    who = await who_asks(request)
    try:
        made = await in_database_thread(changes.apply, who, edits)
    except UnknownSubject:
        raise Refusal("What was to be changed is not there any more.", status=409) from None
    except Unacceptable as refusal:
        name, words = next(iter(refusal.errors.items()))
        subject, _, field = name.rpartition(".")
        raise Refusal(f"{subject_words(subject)}, {field}: {words}", field=name) from None
    await configuration.refresh()  # in force before the answer says so
    return made


def _pending(edits: Edits) -> list[Checked]:
    """The acceptable part of the edits."""
    found = (changes.check(subject, values) for subject, values in edits.items())
    return [checked for checked in found if checked.after]


async def _body(
    request: HttpRequest, made: list[ConfigurationChange], verb: str = "Applied"
) -> HttpResponse:
    """The page's body anew, with what was done at its top."""
    lines = [
        f"{subject_words(change.subject)}, {line}"
        for change in made
        for line in change_words(change.subject, change.before, change.after)
    ]
    said: Mapping[str, Any] = {
        "said": f"{verb}: {'; '.join(lines)}." if lines else "Nothing was different.",
        "said_undo": made[0].pk if len(made) == 1 and verb == "Applied" else None,
    }
    wanted = request.POST.get("model", "")
    context = await sync_to_async(page_context)(wanted)
    return await sync_to_async(render)(request, BODY, {**context, **said})
