"""The owner's settings: shown in groups, saved group by group, undone."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from inference import changes, configuration, environment
from inference.changes import CannotUndo, Unacceptable
from inference.database import in_database_thread
from inference.models import ConfigurationChange
from npuconsole import listening
from npuconsole.console.access import has_owner, who_asks
from npuconsole.console.pages import Context, Refusal, console_action, console_page
from npuconsole.console.settings.fields import (
    Group,
    fill,
    filled_groups,
    group_of,
    in_words,
    label_for,
    values_typed,
)

GROUP = "console/settings_group.html"


@console_page("settings")
def settings(request: HttpRequest) -> Context:
    """The page."""
    return {
        "tab": "settings",
        "groups": filled_groups(),
        "folders": _folders(),
        "has_owner": has_owner(),
    }


@console_action
async def settings_apply(request: HttpRequest, key: str) -> HttpResponse:
    """Save a group; the answer is the group as it is then, with what was done or is wrong."""
    group = _group(key)
    typed = values_typed(group, request.POST.dict())  # type: ignore[arg-type]
    errors = await sync_to_async(_trouble)(typed)
    made: list[ConfigurationChange] = []
    if not errors:
        edits = {f"Setting.{name}": {"value": text} for name, text in typed.items()}
        try:
            made = await in_database_thread(changes.apply, await who_asks(request), edits)
        except Unacceptable as refusal:
            errors = {name.split(".")[1]: words for name, words in refusal.errors.items()}
    if errors:
        filled = await sync_to_async(fill)(group, typed, errors)
        return await sync_to_async(render)(request, GROUP, {"filled": filled})
    await configuration.refresh()
    return await _said(request, group, "Saved", made)


@console_action
async def settings_undo(request: HttpRequest, key: str) -> HttpResponse:
    """Undo the changes whose numbers the form has, the latest first."""
    group = _group(key)
    numbers = sorted(int(text) for text in request.POST.getlist("change") if text.isdigit())
    undone = []
    for number in reversed(numbers):
        change = await ConfigurationChange.objects.filter(pk=number).afirst()
        if change is None:
            raise Refusal("That change is not in the list any more.", status=404)
        try:
            undone.append(await in_database_thread(changes.undo, change, await who_asks(request)))
        except CannotUndo as refusal:
            raise Refusal(str(refusal), status=409) from None
    await configuration.refresh()
    return await _said(request, group, "Undone", undone)


async def _said(
    request: HttpRequest, group: Group, verb: str, made: list[ConfigurationChange]
) -> HttpResponse:
    filled = await sync_to_async(fill)(group)
    lines = [
        f"{label_for(change.subject.removeprefix('Setting.'))}: "
        f"{in_words(change.before.get('value'))} \N{RIGHTWARDS ARROW} "
        f"{in_words(change.after.get('value'))}"
        for change in made
    ]
    said = {
        "said": verb if lines else "Nothing was different",
        "lines": lines,
        "undo": [change.pk for change in made] if verb == "Saved" else [],
    }
    return await sync_to_async(render)(request, GROUP, {"filled": filled, **said})


def _group(key: str) -> Group:
    group = group_of(key)
    if group is None:
        raise Refusal("There are no such settings.", status=404)
    return group


def _trouble(typed: dict[str, str]) -> dict[str, str]:
    """An address or port that could not be listened on would end the next start."""
    if "host" not in typed and "port" not in typed:
        return {}
    now = configuration.load_settings()
    running = listening.place()
    host = typed.get("host", str(now["host"]))
    try:
        host = configuration.SETTINGS["host"].parse(host)
        port = int(configuration.SETTINGS["port"].parse(typed.get("port", str(now["port"]))))
    except ValueError:
        return {}  # said by the check of the values themselves
    if "host" in typed and host != now["host"] and (words := listening.problem_with(host)):
        return {"host": words}
    is_ours = running is not None and running.port == port
    if "port" in typed and port and not is_ours and (words := listening.problem_with(host, port)):
        return {"port": words}
    return {}


def _folders() -> list[dict[str, str]]:
    found = (
        ("Models folder", environment.models_folder(), "NPU_PROXY_MODEL_PATH"),
        ("Data folder", environment.home(), "NPUCONSOLE_HOME"),
        ("Libraries for some jobs", environment.extras_folder(), "NPUCONSOLE_EXTRAS"),
    )
    return [
        {
            "label": label,
            "path": str(path),
            "variable": variable,
            "is_set": "yes" if variable in environment.values() else "",
        }
        for label, path, variable in found
    ]
